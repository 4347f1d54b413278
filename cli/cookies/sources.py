"""What a text is, and the cookies in it: headers, transcripts, jars, HAR files, bare values.

However large the input is, it is gone through once, and what is kept of it is
bounded (CWE-770): each distinct cookie of authingo once, of the others the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from authingo.errors import UsageError

from .har import archive
from .headers import Attributes, Exchange, Given, is_attribute, of_request, of_response
from .transcripts import is_transcript, loose, transcript

# Whatever cookies.prefix is, there or here.
NAME = re.compile(
    r"(?:__Host-|__Secure-)?(?P<prefix>[^\s=;]+)_(?P<kind>session|refresh)", re.IGNORECASE
)

_MOST_COOKIES = 1_000_000  # read
_MOST_KEPT = 1_000  # distinct ones, of authingo and of others each
_LONGEST_BARE = 64 * 1024  # characters of a header without its name, or of a value
# Tabs, as they are written; spaces, as a terminal copies them. # begins a comment, but for this.
_JAR_LINE = re.compile(
    r"^(?P<http_only>#HttpOnly_)?(?P<domain>[^\s#]\S*)[ \t]+(?P<subdomains>TRUE|FALSE)[ \t]+"
    r"(?P<path>/[^\t\r\n ]*)[ \t]+(?P<secure>TRUE|FALSE)[ \t]+(?P<expires>\d{1,15})[ \t]"
    r"(?P<name>[^\t\r\n ]*)(?:[ \t](?P<value>[^\t\r\n]*))?\r?$",
    re.MULTILINE,
)
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_JAR_TELLS = frozenset({"Path", "Domain", "Secure", "HttpOnly", "Expires"})


@dataclass(slots=True)
class Seen:
    """A cookie, how often it came, and how many of its name came with one request."""

    given: Given
    times: int = 1
    copies: int = 1


@dataclass(slots=True)
class Found:
    """What is in the input. `left_out`: distinct cookies beyond those that are kept."""

    cookies: list[Seen] = field(default_factory=list)
    left_out: int = 0


def read_cookies(raw: bytes) -> Found:
    """Recognize what an input is and return its cookies.

    Raises:
        UsageError: there is no cookie in it, or too many. Nothing of it is repeated.
    """
    found = _collect(_cookies(raw))
    if not found.cookies:
        raise UsageError("there is no cookie in the input", hint=_hint(raw))
    return found


def _cookies(raw: bytes) -> Iterable[Given]:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):  # what PowerShell writes with >
        raw = raw.decode("utf-16", "replace").encode("utf-8", "replace")
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    if _is_json(raw):
        return archive(raw)
    # Headers are octets, and the server reads them like this too.
    text = raw.decode("latin-1")
    if is_transcript(text):
        return transcript(text)
    if _BINARY.search(text):
        raise UsageError("the input is binary, not text", hint=_HINT)
    return _jar_or_lines(text)


def _jar_or_lines(text: str) -> Iterator[Given]:
    found = False
    for source in (_jar(text), loose(text), _bare(text)):
        for given in source:
            found = True
            yield given
        if found:
            return


def _is_json(raw: bytes) -> bool:
    return raw[:256].lstrip()[:1] in {b"{", b"["}


_HINT = (
    "give a Cookie or Set-Cookie header, the output of curl -i or curl -v, a cookie jar, "
    "a HAR file, or a value"
)


def _hint(raw: bytes) -> str:
    if _is_json(raw):
        return (
            "browsers leave cookies out of the HAR files they export: in Chrome, choose to "
            'export "with sensitive data" (allowed in the settings of its tools), in Firefox '
            "let them be recorded"
        )
    return _HINT


def _collect(cookies: Iterable[Given]) -> Found:
    """Keep each distinct cookie once; those of one request under one name stay apart."""
    found = Found()
    kept: dict[object, Seen] = {}
    room = {True: _MOST_KEPT, False: _MOST_KEPT}
    left_out: set[int] = set()
    number, here = -1, dict[str, list[Seen]]()
    for read, given in enumerate(cookies, 1):
        if read > _MOST_COOKIES:
            raise UsageError(f"there are more than {_MOST_COOKIES:,} cookies in the input")
        if given.exchange.number != number:
            number, here = given.exchange.number, {}
        ours = given.name == "" or NAME.fullmatch(given.name) is not None
        key = _key(given, len(here.get(given.name, ()))) if ours else (given.name, given.told)
        seen = kept.get(key)
        if seen is not None:
            seen.times += 1
        elif room[ours]:
            room[ours] -= 1
            seen = kept[key] = Seen(given)
        else:
            left_out.add(hash(key))
            continue
        if ours and given.attributes is None:
            together = here.setdefault(given.name, [])
            together.append(seen)
            for one in together:
                one.copies = max(one.copies, len(together))
    found.cookies = list(kept.values())
    found.left_out = len(left_out)
    return found


def _key(given: Given, earlier: int) -> object:
    attributes = None if given.attributes is None else tuple(sorted(given.attributes.items()))
    return (given.name, given.value, attributes, given.told, given.host, earlier)


def _jar(text: str) -> Iterator[Given]:
    """Read the file that curl, wget and browsers' extensions write (Netscape's cookies.txt)."""
    for line in _JAR_LINE.finditer(text):
        attributes: Attributes = {"Path": line["path"]}
        if line["subdomains"] == "TRUE":
            attributes["Domain"] = line["domain"].removeprefix(".")
        if line["secure"] == "TRUE":
            attributes["Secure"] = True
        if line["http_only"]:
            attributes["HttpOnly"] = True
        if int(line["expires"]):
            attributes["Expires"] = line["expires"]
        yield Given(
            line["name"],
            line["value"] or "",
            attributes,
            told=_JAR_TELLS,
            host=line["domain"].removeprefix(".").lower(),
        )


def _bare(text: str) -> Iterator[Given]:
    """Read a header without its name, or nothing but a value."""
    text = text.strip()
    lines = [line for line in text[: _LONGEST_BARE + 1].split("\n") if line.strip()]
    if not lines or len(text) > _LONGEST_BARE:
        return
    if all("=" in line.rstrip("= \r\t") for line in lines):
        rest = [part.strip().partition("=")[0] for part in text.split(";")[1:]]
        for line in lines:
            if any(map(is_attribute, rest)):
                yield of_response(line.strip(), Exchange())
            else:
                yield from of_request(line.strip(), Exchange())
    elif len(lines) == 1 and not re.search(r"\s", text):
        yield Given("", text)
