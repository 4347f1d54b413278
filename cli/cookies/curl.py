"""Read curl commands: what browsers' tools copy as cURL, for bash and cmd, or a user typed.

Chrome gives the cookies to `-b`, Firefox and Safari to `-H 'Cookie: …'`. For bash
they quote with '…', or with $'…' if there is an apostrophe or an exclamation mark;
for cmd with ^"…^", where a caret stands before whatever cmd would take for its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from ..browsers.headers import Exchange, ParsedCookie, of_request

WITHOUT = "this curl command sends no cookie: copy a request that the browser made when signed in"

_COMMAND = re.compile(
    r"^[ \t]*(?:[$%>#] |PS [^\r\n>]{0,200}> )?(?:[^\s'\"]{0,200}[/\\])?curl(?:\.exe)?(?=\s)",
    re.MULTILINE,
)
_FOR_CMD = re.compile(r'\^"|[ \t]\^[ \t]*\r?$', re.MULTILINE)
# Of two line ends after a caret, the first is escaped, and the second is part of the text.
_CARET = re.compile(r"\^(?:(?P<line>\r?\n)(?P<text>\r?\n)?|(?P<character>.)|\Z)", re.DOTALL)
_PART = re.compile(
    r"""(?P<ansi>\$'[^'\\]*+(?:\\(?:.|\Z)[^'\\]*+)*+(?:'|\Z))
    |(?P<single>'[^']*+(?:'|\Z))
    |(?P<double>"[^"\\]*+(?:\\(?:.|\Z)[^"\\]*+)*+(?:"|\Z))
    |(?P<joined>\\\r?\n)
    |(?P<escaped>\\.)
    |(?P<space>\s+)
    |(?P<end>[;&|]+)
    |(?P<plain>[^\s'"\\;&|$]+|[$\\])""",
    re.VERBOSE | re.DOTALL,
)
_ANSI = re.compile(r"\\(?:u([0-9a-fA-F]{1,4})|x([0-9a-fA-F]{1,2})|([0-7]{1,3})|(.))", re.DOTALL)
_ANSI_NAMES = {"n": "\n", "r": "\r", "t": "\t"}
# -b and -H, also after flags without a value, such as -sb. Their value may follow directly.
_OPTION = re.compile(
    r"-[sSLkvigfIN]{0,10}(?P<short>[bH])(?P<attached>.*)"
    r"|--(?P<long>cookie|header|url)(?:=(?P<after>.*))?",
    re.DOTALL,
)
_TAKE_A_VALUE = frozenset(
    {
        *("-X", "-d", "-F", "-A", "-e", "-x", "-o", "-u", "-c"),
        *("--request", "--data", "--data-raw", "--data-binary", "--data-urlencode", "--json"),
        *("--form", "--user-agent", "--referer", "--proxy", "--output", "--user", "--cookie-jar"),
    }
)


def is_command(text: str) -> bool:
    """Tell whether a line is a curl command."""
    return _COMMAND.search(text) is not None


def commands(text: str) -> Iterator[ParsedCookie]:
    """Read the cookies that curl commands send."""
    start = _COMMAND.search(text)
    text = text[start.start() :] if start else text
    if _FOR_CMD.search(text):
        text = _CARET.sub(_without_caret, text)
    command = _Command()
    for word in chain(_words(text), [None]):
        if word is None or re.split(r"[/\\]", word[-9:])[-1] in {"curl", "curl.exe"}:
            yield from command.cookies()
            command = _Command(command.number + 1)
        else:
            command.take(word)


@dataclass(slots=True)
class _Command:
    """What is known of one command; `expects`: the option whose value comes next."""

    number: int = 1
    url: str | None = None
    headers: list[str] = field(default_factory=list)
    expects: str = ""

    def take(self, word: str) -> None:
        if self.expects:
            expected, self.expects = self.expects, ""
            self._set(expected, word)
        elif word in _TAKE_A_VALUE:
            self.expects = "another"
        elif option := _OPTION.fullmatch(word):
            name = option["long"] or {"b": "cookie", "H": "header"}[option["short"]]
            value = option["attached"] or option["after"]
            if value:
                self._set(name, value)
            else:
                self.expects = name
        elif self.url is None and word.lower().startswith(("http://", "https://")):
            self.url = word

    def _set(self, option: str, value: str) -> None:
        if option == "url":
            self.url = value
        elif option == "cookie":
            self.headers.append(value)  # one without = is the name of a file
        elif option == "header":
            name, _, value = value.partition(":")
            if name.strip().lower() == "cookie":
                self.headers.append(value)

    def cookies(self) -> Iterator[ParsedCookie]:
        for header in self.headers:
            yield from of_request(header, Exchange(self.number, self.url))


def _words(text: str) -> Iterator[str | None]:
    """Split a command line as bash does, without variables. None marks the end of a command."""
    word: list[str] | None = None
    for part in _PART.finditer(text):
        if part.lastgroup == "joined":
            continue
        if part.lastgroup not in {"space", "end"}:
            word = word or []
            word.append(_unquoted(part))
            continue
        if word is not None:
            yield "".join(word)
            word = None
        if part.lastgroup == "end":
            yield None
    if word is not None:
        yield "".join(word)


def _unquoted(part: re.Match[str]) -> str:
    text = part[0]
    if part.lastgroup == "ansi":
        return _ANSI.sub(_ansi_character, text[2:].removesuffix("'"))
    if part.lastgroup == "single":
        return text[1:].removesuffix("'")
    if part.lastgroup == "double":
        return re.sub(r"\\([\"\\$`])", r"\1", text[1:].removesuffix('"'))
    return text[1:] if part.lastgroup == "escaped" else text


def _ansi_character(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2]
    if code:
        return chr(int(code, 16))
    return chr(int(escape[3], 8)) if escape[3] else _ANSI_NAMES.get(escape[4], escape[4])


def _without_caret(caret: re.Match[str]) -> str:
    return caret["character"] or ("\n" if caret["text"] else " " if caret["line"] else "")
