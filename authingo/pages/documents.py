"""The documents of the pages: made once, from settings, and the same for everybody.

Every text and setting is escaped where it is placed, so none of them becomes markup (ASVS 5.0
V1.2.1). What the scripts need to know is in a `meta` element, because no script stands in a
document.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files

from authingo.config import Settings
from authingo.mail.settings import requires_verification, sends_mail, signs_in_by_code, verifies
from authingo.pages.own_fields import has_any, own_fields
from authingo.pages.settings import PagesSettings, opened_inbox, site_name
from authingo.pages.texts import Texts

_PLACE = re.compile(r"\{\{([a-z_]+(?:[. ][a-z_-]+)*)\}\}")
_CONDITION = re.compile(r"<!--if (not )?(\w+)-->(.*?)<!--end-->\n?", re.DOTALL)
_FIELD_TEXTS = ("common", "errors", "fields")


def _always(settings: Settings) -> bool:  # noqa: ARG001 - called as those of other pages
    return True


def _shows_mails(settings: Settings) -> bool:
    return opened_inbox(settings) is not None


def _undoes_deletions(settings: Settings) -> bool:
    return sends_mail(settings) and settings.users.deletion


@dataclass(frozen=True, slots=True)
class Document:
    """A page.

    Args:
        name: in its path, and of its HTML, its script and its texts.
        enabled: returns whether the settings turn it on.
        modules: that its script imports, besides the common ones.
    """

    name: str
    enabled: Callable[[Settings], bool] = _always
    modules: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Its table in the catalogue of texts."""
        return self.name.replace("-", "_")


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of the account page.

    Args:
        name: of its HTML, its script and its texts, each in `panels`.
        enabled: returns whether the settings turn it on.
    """

    name: str
    enabled: Callable[[Settings], bool] = _always


DOCUMENTS = (
    Document("sign-in", modules=("next.js",)),
    Document("sign-up", lambda settings: settings.sign_up, modules=("next.js",)),
    Document("forgot-password", sends_mail, modules=("next.js",)),
    Document("reset-password", sends_mail, modules=("fragment.js", "spending.js")),
    Document("verify-email", verifies, modules=("fragment.js", "proof.js")),
    Document("change-email", sends_mail, modules=("fragment.js", "proof.js")),
    Document("undo-email-change", sends_mail, modules=("fragment.js", "spending.js")),
    Document("undo-deletion", _undoes_deletions, modules=("fragment.js", "spending.js")),
    Document("account", modules=("recent.js", "times.js", "browsers.js")),
    Document("inbox", _shows_mails, modules=("fragment.js", "mails.js")),
    Document("missing"),  # for a path that leads nowhere
)

# What the account page consists of. A capability that has something to manage adds a line.
PANELS = (
    Panel("profile"),
    Panel("fields", has_any),
    Panel("email", sends_mail),
    Panel("password"),
    Panel("sessions"),
    Panel("export"),
    Panel("deletion", lambda settings: settings.users.deletion),
)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form.

    Args:
        type: of the input.
        autocomplete: what a password manager fills in (ASVS 5.0 V6.2.7; WCAG 2.2, 1.3.5).
        name: what the route calls it.
        hint: whether there is a text that explains it.
        more: other attributes.
        label: its name in the catalogue.
        late: whether it appears only when the server asks for it.
    """

    type: str
    autocomplete: str
    name: str
    hint: bool = False
    more: str = ""
    label: str | None = None
    late: bool = False


_CODE = Field(
    "text",
    "one-time-code",
    "code",
    more='autocapitalize="characters" spellcheck="false" class="code"',
    label="code",
)

# By the id of the field, which is also the name of its label in the catalogue unless it has one.
FIELDS = {
    "name": Field("text", "name", "name", more='maxlength="200"'),
    "new-name": Field("text", "name", "name", more='maxlength="200"', label="name"),
    "email": Field("email", "username", "email"),
    "password": Field("password", "current-password", "password"),
    "proof-password": Field("password", "current-password", "password", hint=True, late=True),
    "current-password": Field("password", "current-password", "current_password"),
    "new-password": Field("password", "new-password", "new_password", hint=True),
    "chosen-password": Field("password", "new-password", "password", hint=True),
    "new-email": Field("email", "email", "new_email"),
    "undo-email": Field("email", "email", "email", hint=True),
    "deletion-email": Field("email", "off", "email"),
    "old-email": Field("email", "email", "email", hint=True),
    "code": _CODE,
    "code-email": Field("email", "username", "email", label="email"),
    "recent-password-input": Field("password", "current-password", "password", label="password"),
    "recent-code-input": _CODE,
}


class Documents:
    """Makes the documents for some settings.

    Args:
        settings: of the application.
        texts: the catalogue.
        assets: the path of the files, below which a document finds its own.
    """

    def __init__(self, settings: Settings, texts: Texts, assets: str) -> None:
        self._settings = settings
        self._own = settings.of(PagesSettings)
        self._assets = assets
        self._site = site_name(settings)
        known = {"site": self._site, "min": str(settings.passwords.min_length)}
        self._texts = {name: _placed(text, known) for name, text in texts.items()}
        self._conditions = {
            "sign_up": settings.sign_up,
            "mail": sends_mail(settings),
            "email_code": signs_in_by_code(settings),
            "verifies": verifies(settings),
            "required": requires_verification(settings),
            "grace": bool(settings.users.deletion_grace),
            "logo": self._own.logo is not None,
            "css": self._own.css is not None,
        }

    def all(self) -> dict[str, str]:
        """Return the HTML of each document that the settings turn on, by its name."""
        return {one.name: self._html(one) for one in DOCUMENTS if one.enabled(self._settings)}

    def _html(self, document: Document) -> str:
        panels = [one.name for one in PANELS if one.enabled(self._settings)]
        is_account = document.name == "account"
        modules = ["page.js", "client.js", *document.modules]
        modules += [f"panels/{name}.js" for name in panels if is_account]
        values = {
            "content": self._filled(_read(f"{document.name}.html"), {}),
            "panels": "".join(
                self._filled(_read(f"panels/{name}.html"), {}) for name in panels if is_account
            ),
        }
        values["content"] = values["content"].replace("<!--panels-->", values["panels"])
        own = {
            "page": html.escape(document.name),
            "title": self._text(f"{document.key}.title"),
            "facts": html.escape(json.dumps(self._facts(document, panels), ensure_ascii=False)),
            "preloads": "".join(
                f'<link rel="modulepreload" href="{self._assets}/{name}">\n' for name in modules
            ),
            "content": values["content"],
            "logo": f"{self._assets}/logo.{(self._own.logo or '').rpartition('.')[2].lower()}",
        }
        return self._filled(_read("layout.html"), own)

    def _facts(self, document: Document, panels: list[str]) -> dict[str, object]:
        """Return what the scripts of a document know. None of it is secret."""
        tables = {*_FIELD_TEXTS, document.key}
        if document.name == "account":
            tables |= {f"panel_{name}" for name in panels} | {"recent"}
        return {
            "routes": self._settings.base_path,
            "sign_in": self._settings.sign_in_path,
            "pages": self._own.path,
            "min_length": self._settings.passwords.min_length,
            "panels": panels if document.name == "account" else [],
            "language": self._texts["language"],
            "own_fields": own_fields(self._settings) if "fields" in panels else [],
            "texts": {
                name: text for name, text in self._texts.items() if name.split(".")[0] in tables
            },
        }

    def _filled(self, markup: str, values: dict[str, str]) -> str:
        """Fill in the places of some HTML. `values` are HTML; everything else is escaped."""
        markup = _CONDITION.sub(self._chosen, markup)

        def place(found: re.Match[str]) -> str:
            name = found[1]
            if name in values:
                return values[name]
            if name.startswith("field "):
                return self._field(name.removeprefix("field "))
            known = {"site": self._site, "assets": self._assets, "pages": self._own.path}
            return html.escape(known[name]) if name in known else self._text(name)

        return _PLACE.sub(place, markup)

    def _chosen(self, found: re.Match[str]) -> str:
        return found[3] if self._conditions[found[2]] is not bool(found[1]) else ""

    def _text(self, name: str) -> str:
        return html.escape(self._texts[name])

    def _field(self, key: str) -> str:
        field = FIELDS[key]
        name = field.label or key.replace("-", "_")
        described = f"{key}-hint {key}-error" if field.hint else f"{key}-error"
        hint = self._texts.get(f"fields.{name}_hint", "")
        is_password = field.type == "password"
        control = (
            f'<input id="{key}" name="{field.name}" type="{field.type}" required '
            f'autocomplete="{field.autocomplete}" aria-describedby="{described}" {field.more}>'
        )
        if is_password:
            control = (
                f'<div class="secret">{control}'
                f'<button type="button" class="reveal" aria-controls="{key}" aria-pressed="false" '
                f'aria-label="{self._text("fields.show_password")}">'
                f"{self._text('fields.show')}</button></div>"
            )
        new = is_password and field.autocomplete == "new-password"
        meter = f'<div class="meter" data-for="{key}" aria-hidden="true"><i></i></div>'
        return (
            f'<div class="field" id="{key}-field"{" hidden" if field.late else ""}>'
            f'<label for="{key}">{self._text(f"fields.{name}")}</label>'
            f"{control}{meter if new else ''}"
            + (f'<p class="hint" id="{key}-hint">{html.escape(hint)}</p>' if field.hint else "")
            + f'<p class="error" id="{key}-error" hidden></p></div>'
        )


def _read(name: str) -> str:
    return files("authingo.pages").joinpath("html", *name.split("/")).read_text("utf-8")


def _placed(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text
