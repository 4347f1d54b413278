"""The manual in Markdown, and as pages in the man macros of roff."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .help_text import Page

_EXIT_CODES = (
    ("0", "Success."),
    ("1", "Failure; standard error says why and what to do."),
    ("2", "Wrong usage."),
    ("130", "Interrupted."),
)
_ENVIRONMENT = (
    ("AUTHINGO_CONFIG", "The configuration file, if there is no --config."),
    ("AUTHINGO_*", "Any setting; it overrides the file."),
    ("NO_COLOR", "If it is set, no output is coloured."),
)
_CODE = re.compile(r"(`[^`]*`)")


def markdown(pages: Sequence[Page]) -> str:
    """Write the whole manual as one document."""
    blocks = [
        "# The command line",
        "The `--help` text of every command, written by `authingo manual > docs/cli.md`.",
        "\n".join(f"- [`{page.name}`](#{page.name.replace(' ', '-')})" for page in pages),
    ]
    for page in pages:
        blocks += [f"## {page.name}", *map(_prose, page.paragraphs), f"```\n{page.usage}\n```"]
        blocks += [
            f"**{title}**\n\n{_bullets(entries)}"
            for title, entries in (
                ("Arguments", page.arguments),
                ("Options", page.options),
                ("Commands", page.commands),
            )
            if entries
        ]
        says, shown = _example(page)
        blocks.append(f"{says}:\n\n```\n{shown}\n```")
    blocks += [
        "## Exit codes",
        _bullets(_EXIT_CODES),
        "## Environment",
        _bullets(_ENVIRONMENT),
    ]
    return "\n\n".join(blocks) + "\n"


def _bullets(entries: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"- `{name}`: {_prose(text)}" for name, text in entries)


def _prose(text: str) -> str:
    """Escape what Markdown would take for markup, except in backticks."""
    parts = _CODE.split(text)
    parts[::2] = [re.sub(r"[\\*]|<(?=[a-zA-Z/!?])", r"\\\g<0>", part) for part in parts[::2]]
    return re.sub(r" {2,}", " ", "".join(parts))


def _example(page: Page) -> tuple[str, str]:
    """Divide `Example, in a crontab: 17 * * * *  authingo …` at the colon."""
    says, _, shown = page.example.partition(": ")
    return says, shown


def roff(page: Page) -> str:
    """Write a page for man(1). It has no date, so that it is always the same."""
    from importlib.metadata import version

    words, dashed = page.name.split(), page.file.removesuffix(".1")
    says, shown = _example(page)
    lines = [
        f'.TH "{_text(dashed.upper())}" "1" "" "authingo {version("authingo")}"',
        ".nh",  # no hyphenation, and no justified lines
        ".ad l",
        ".SH NAME",
        f"{_text(dashed)} \\- {_text(page.summary.removesuffix('.'))}",
        ".SH SYNOPSIS",
        f"\\fB{_text(page.name)}\\fR{_text(page.usage.removeprefix(page.name))}",
        ".SH DESCRIPTION",
    ]
    for paragraph in page.paragraphs:
        lines += [".PP", _text(paragraph)]
    for title, entries in (
        ("ARGUMENTS", page.arguments),
        ("OPTIONS", page.options),
        ("COMMANDS", page.commands),
        ("EXIT STATUS", _EXIT_CODES),
        ("ENVIRONMENT", _ENVIRONMENT),
    ):
        if entries:
            lines.append(f".SH {title}")
        for name, text in entries:
            lines += [".TP", f"\\fB{_text(name)}\\fR", _text(text)]
    says = "" if says == "Example" else f"{_text(says)}:\n.PP\n"
    lines += [".SH EXAMPLE", f"{says}.nf", _text(shown), ".fi"]
    above = [" ".join(words[:count]) for count in range(1, len(words))]
    related = [name.replace(" ", "-") for name in (*above, *(name for name, _ in page.commands))]
    if related:
        lines += [".SH SEE ALSO", ", ".join(f"\\fB{_text(name)}\\fR(1)" for name in related)]
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    """Escape what roff would take for an escape, a request, or a hyphen to be typeset."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    escaped = escaped.replace("'", "\\(aq").replace("`", "\\(ga")
    return re.sub(r"(?m)^\.", r"\\&.", escaped)
