"""Turn the text of a mail into HTML: paragraphs, a button, a code, a list of facts.

The template decides which is which, before anything is filled in, so no value can add a
paragraph or a link. Every value is escaped (ASVS 5.0 V1.2.1). Styles are inline, because some
mail clients drop all others.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

Fill = Callable[[str], str]

_LINK = {"$link", "${link}"}
_CODE = {"$code", "${code}"}
_FACT = re.compile(r"([^:$]{1,40}): +(\S.*)")

_CODE_LINE = (
    '<p class="well" style="margin:8px 0 20px;padding:14px 16px;border-radius:8px;'
    "background:#f7f6f3;font-family:ui-monospace,Menlo,Consolas,monospace;font-size:26px;"
    'font-weight:600;letter-spacing:2px;text-align:center">$code</p>'
)
_PARAGRAPH = '<p style="margin:0 0 16px">{}</p>'
_BUTTON = (
    '<table role="presentation" cellspacing="0" cellpadding="0" border="0"'
    ' style="margin:8px 0 12px"><tr>'
    '<td class="button" bgcolor="$colour" style="border-radius:8px;background:$colour">'
    '<a href="$link" style="display:inline-block;padding:13px 24px;border-radius:8px;'
    'color:$on_colour;font-weight:600;text-decoration:none">{}</a></td></tr></table>'
    '<p class="soft" style="margin:0 0 24px;font-size:13px;line-height:1.45;color:#5b5d57;'
    'word-break:break-all"><a class="soft" href="$link" style="color:#5b5d57">$link</a></p>'
)
_FACTS = (
    '<table role="presentation" class="well" width="100%" cellspacing="0" cellpadding="0"'
    ' border="0" bgcolor="#f7f6f3" style="margin:4px 0 20px;border-radius:8px;'
    'background:#f7f6f3"><tr><td style="padding:12px 16px">{}</td></tr></table>'
)
_FACT_LINE = (
    '<div style="padding:2px 0;word-break:break-word"><span class="soft" style="color:#5b5d57">'
    "{}:</span> {}</div>"
)


def body(text: str, fill: Fill) -> str:
    """Return the HTML of a template's text.

    Args:
        text: of the template, with its placeholders.
        fill: fills in a piece of HTML with values that are escaped.
    """
    return "\n".join(fill(_part(one.split("\n"))) for one in re.split(r"\n\s*\n", text.strip()))


def _part(lines: list[str]) -> str:
    if lines[-1].strip() in _LINK:
        label = " ".join(lines[:-1]).strip().rstrip(":")
        return _BUTTON.format(escape(label) or "$link")
    if len(lines) == 1 and lines[0].strip() in _CODE:
        return _CODE_LINE
    facts = [_FACT.fullmatch(line.strip()) for line in lines]
    if len(facts) > 1 and all(facts):
        said = [_FACT_LINE.format(escape(one[1]), escape(one[2])) for one in facts if one]
        return _FACTS.format("".join(said))
    return _PARAGRAPH.format(escape(" ".join(line.strip() for line in lines)))
