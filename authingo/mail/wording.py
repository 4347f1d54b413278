"""Find the template of a mail, in the language of its reader."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template

from authingo.config.trusted_files import require_trusted
from authingo.errors import ConfigError

BUILT_IN = Path(__file__).parent / "templates"
COMMON = frozenset({"app", "host"})  # what every template may say

_CHOICE = "what your mails say"
_LAYOUT = "layout.html"
_LAYOUT_SAYS = COMMON | {"subject", "body", "language", "colour", "on_colour"}
_TAG = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*", re.ASCII)  # RFC 5646 §2.1
_WISH = re.compile(r"\s*([A-Za-z0-9-]+|\*)\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wording:
    """A template.

    Args:
        file: where it is from.
        language: a tag such as "de", or "" if it is not known.
        subject: its first line.
        body: the rest, as plain text.
    """

    file: Path
    language: str
    subject: str
    body: str


def find(kind: str, *, language: str, templates: Path | None) -> Wording:
    """Return the template of a kind of mail.

    Args:
        kind: the name of its file, without `.txt`.
        language: an Accept-Language header (RFC 9110 §12.5.4).
        templates: the directory of the application's own templates. `de/<kind>.txt` is for
            readers of German, `<kind>.txt` for everybody else.

    Raises:
        ConfigError: the file cannot be read, or is no template.
    """
    file, tag = _file(f"{kind}.txt", language, templates)
    subject, _, body = _read(file).partition("\n")
    if not subject.strip() or not body.strip():
        raise _refused(file, "needs a subject in its first line, and a text after it")
    return Wording(file, tag, subject.strip(), body.strip() + "\n")


def layout(*, language: str, templates: Path | None) -> Template:
    """Return the template of the HTML around every mail. Raises ConfigError, as `find`."""
    return Template(_read(_file(_LAYOUT, language, templates)[0]))


def check_templates(templates: Path) -> None:
    """Refuse a directory with templates that mails could not be made of.

    Raises:
        ConfigError: names the file, and says why.
    """
    if not templates.is_dir():
        raise ConfigError(f"mail.templates: {templates} is not a directory")
    for folder in (templates, *_languages(templates).values()):
        require_trusted(folder, folder.stat(), named=True, chooses=_CHOICE)
        for file in sorted(folder.iterdir()):
            if file.suffix in {".txt", ".html"}:
                _check(file)


def filled(template: Template, values: dict[str, str], file: Path) -> str:
    """Fill in a template. Raises ConfigError if it asks for more than there is."""
    try:
        return template.substitute(values)
    except KeyError as error:
        known = ", ".join(f"${name}" for name in sorted(values))
        raise _refused(file, f"there is no ${error.args[0]} here, only {known}") from None
    except ValueError:
        raise _refused(file, "has a $ without a name; a dollar sign is written $$") from None


def _check(file: Path) -> None:
    original = BUILT_IN / file.name
    if not original.is_file():
        known = ", ".join(sorted(one.name for one in BUILT_IN.iterdir()))
        raise _refused(file, f"is not the name of a template; there are {known}")
    if file.name == _LAYOUT:
        filled(Template(_read(file)), dict.fromkeys(_LAYOUT_SAYS, ""), file)
        if "body" not in _names(_read(file)):
            raise _refused(file, "needs $body, where the text of the mail goes")
        return
    own = find(file.stem, language="", templates=file.parent)
    says = _names(find(file.stem, language="", templates=None).body)
    if _names(own.subject) - COMMON:
        raise _refused(file, "the subject may have $app and $host, and no other value")
    filled(Template(own.subject), dict.fromkeys(COMMON, ""), file)
    filled(Template(own.body), dict.fromkeys(COMMON | says, ""), file)
    for name in sorted({"link", "code"} & says - _names(own.body)):
        raise _refused(file, f"needs ${name}, on a line of its own")


def _names(text: str) -> set[str]:
    return set(Template(text).get_identifiers())


def _file(name: str, language: str, templates: Path | None) -> tuple[Path, str]:
    """Return the file to use and its language."""
    if templates is None:
        return BUILT_IN / name, "en"
    folders = _languages(templates)
    for tag in _wishes(language):
        folder = folders.get(tag)
        if folder is not None and (folder / name).is_file():
            return folder / name, folder.name
        if tag == "en":  # as authingo's own, and the templates for everybody else
            break
    own = templates / name
    return (own, "") if own.is_file() else (BUILT_IN / name, "en")


def _languages(templates: Path) -> dict[str, Path]:
    """Return the folders for languages. A header only chooses among them (CWE-22)."""
    try:
        return {
            one.name.lower(): one
            for one in templates.iterdir()
            if _TAG.fullmatch(one.name) and one.is_dir()
        }
    except OSError as error:
        raise ConfigError(f"mail.templates: cannot read {templates}: {error.strerror}") from None


def _wishes(header: str) -> Iterator[str]:
    """Read an Accept-Language header: the most wanted language first, `de` after `de-CH`."""
    wanted = []
    for item in header.split(","):
        found = _WISH.fullmatch(item)  # the last one may be cut off
        if found and float(found[2] or 1) > 0:
            wanted.append((float(found[2] or 1), found[1].lower()))
    for _, tag in sorted(wanted, key=lambda one: -one[0]):
        parts = tag.split("-")
        for length in range(len(parts), 0, -1):  # "lookup" of RFC 4647 §3.4
            yield "-".join(parts[:length])


def _read(file: Path) -> str:
    """Read a template. Somebody who can write it could ask readers for their passwords."""
    try:
        with file.open(encoding="utf-8-sig") as stream:
            if file.parent != BUILT_IN:
                require_trusted(file, os.fstat(stream.fileno()), named=True, chooses=_CHOICE)
            return stream.read()
    except OSError as error:
        raise _refused(file, f"cannot be read: {error.strerror}") from None
    except UnicodeError:
        raise _refused(file, "is not UTF-8") from None


def _refused(file: Path, reason: str) -> ConfigError:
    return ConfigError(f"mail.templates: {file}: {reason}")
