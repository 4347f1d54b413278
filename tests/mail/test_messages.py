"""What mails say and look like, and that nobody can add to it."""

from __future__ import annotations

import gc
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authingo.mail.mailboxes import read_mailbox
from authingo.mail.messages import Look, Message, compose, render
from authingo.mail.wording import BUILT_IN

LINK = "https://app.example.com/reset-password#token=4f8Jq2dJc0oXn1vT5yZb7w9A3kR6mE8uI0p"
LOOK = Look(name="Acme", public_url="https://app.example.com")
VALUES = {
    "link": LINK,
    "code": "BDWP-HQPK",
    "minutes": "60",
    "hours": "24",
    "days": "7",
    "when": "27 June 2026, 14:03 UTC",
    "where": "2001:db8::1",
    "until": "27 July 2026, 14:03 UTC",
}
KINDS = sorted(file.stem for file in BUILT_IN.glob("*.txt"))
HEADERS = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"]
MIME = ["MIME-Version", "Content-Type"]
ANY = st.text(st.characters(codec=None), max_size=60) | st.sampled_from(
    ["a\r\nBcc: eve@example.com", "a\n\nb", "<script>", "$link", "${link}", '"><a href=x>', "\0"]
)


class Elements(HTMLParser):
    """The elements of a page: names and attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.found]

    @property
    def links(self) -> set[str | None]:
        return {attributes["href"] for name, attributes in self.found if name == "a"}


def rendered(kind: str, look: Look = LOOK, **changes: str) -> Message:
    return render(kind, {**VALUES, **changes}, look=look, language="")


def composed(message: Message | None = None, **changes: Any) -> EmailMessage:
    people: dict[str, Any] = {
        "sender": "Acme <mail@example.com>",
        "recipient": "ada@example.com",
        "message_id": "mail_1",
    }
    return compose(message or rendered("reset_password"), **{**people, **changes})


def parsed(mail: EmailMessage) -> EmailMessage:
    """Return it as a reader parses what is sent."""
    return message_from_bytes(mail.as_bytes(), policy=policy.default)


def content(mail: EmailMessage, subtype: str) -> str:
    body = mail.get_body((subtype,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def test_a_link_is_a_button_and_a_text_to_copy() -> None:
    message = rendered("reset_password")
    assert message.subject == "Choose a new password for Acme"
    assert f"\n{LINK}\n" in message.text
    page = Elements(message.html)
    assert page.links == {LINK}
    assert "Choose password" in page.text
    assert LINK in page.text


def test_a_notice_says_when_and_where_and_has_no_link() -> None:
    message = rendered("password_changed")
    for said in (message.text, Elements(message.html).text):
        assert "When: 27 June 2026, 14:03 UTC" in said
        assert "From: 2001:db8::1" in said
        assert "http" not in said
    assert not Elements(message.html).links


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_loads_nothing_and_tracks_nobody(kind: str) -> None:
    page = Elements(rendered(kind).html)
    assert not {"img", "link", "script", "iframe", "object", "form"} & set(page.names)
    assert "url(" not in rendered(kind).html


@pytest.mark.parametrize("kind", KINDS)
def test_text_and_html_say_the_same(kind: str) -> None:
    message = rendered(kind)
    said = re.sub(r"[\s:]", "", Elements(message.html).text)
    for paragraph in message.text.split("\n\n"):
        assert re.sub(r"[\s:]", "", paragraph) in said


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_is_plain_enough_for_every_server(kind: str) -> None:
    raw = composed(rendered(kind)).as_bytes()
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)


@pytest.mark.parametrize("kind", KINDS)
def test_an_english_text_fits_a_terminal(kind: str) -> None:
    lines = rendered(kind).text.split("\n")
    assert all(len(line) <= 76 for line in lines if line != LINK)


@pytest.mark.parametrize("kind", KINDS)
@given(value=ANY)
def test_a_value_adds_nothing_but_its_text(kind: str, value: str) -> None:
    usual, message = rendered(kind), rendered(kind, minutes=value, when=value, where=value)
    assert message.subject == usual.subject
    assert message.text.count("\n") == usual.text.count("\n")
    assert Elements(message.html).found == Elements(usual.html).found
    assert parsed(composed(message)).keys() == HEADERS + MIME


@given(name=ANY, text=ANY, html=ANY, subject=ANY)
def test_a_message_adds_no_header(name: str, text: str, html: str, subject: str) -> None:
    look = Look(name=name, public_url="https://app.example.com")
    mail = parsed(composed(rendered("reset_password", look)))
    assert mail.keys() == HEADERS + MIME
    assert Elements(content(mail, "html")).links == {LINK}
    try:
        mail = composed(Message(subject=subject, text=text, html=html))
    except UnicodeEncodeError:  # half of a surrogate pair; render() leaves none
        return
    assert parsed(mail).keys() == HEADERS + MIME
    assert parsed(mail)["To"] == "ada@example.com"


@given(address=st.text(max_size=40) | st.emails().flatmap(lambda one: ANY.map(one.__add__)))
def test_an_address_adds_no_header_and_no_recipient(address: str) -> None:
    for who in ("recipient", "sender"):
        try:
            mail = composed(None, **{who: address})
        except ValueError:
            continue
        read = parsed(mail)
        assert read.keys() == HEADERS + MIME
        assert len(read["To"].addresses) == len(read["From"].addresses) == 1


@given(name=st.text(min_size=1, max_size=200))
def test_the_name_of_the_sender_survives(name: str) -> None:
    try:
        mail = composed(sender=f"{name} <mail@example.com>")
    except ValueError:
        return
    (address,) = parsed(mail)["From"].addresses
    assert address.addr_spec == "mail@example.com"
    assert parsed(mail).keys() == HEADERS + MIME


@pytest.mark.parametrize("message_id", ["", "a b", "a@b", "a>\r\nBcc: eve@example.com", "x" * 101])
def test_what_is_no_message_id_is_refused(message_id: str) -> None:
    with pytest.raises(ValueError, match="message_id"):
        composed(message_id=message_id)


@pytest.mark.parametrize("domain", ["example.com", "a" * 60 + ".example.com", "x." * 100 + "com"])
def test_the_message_id_is_the_same_for_every_try(domain: str) -> None:
    sender = f"mail@{domain}"
    first, second = (parsed(composed(sender=sender)) for _ in range(2))
    assert first["Message-ID"] == second["Message-ID"] == f"<mail_1@{domain}>"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Date"].datetime.utcoffset().total_seconds() == 0


@pytest.mark.parametrize("link", ["javascript:alert(1)", "", "https://a b", "https://a\nb", "//x"])
def test_a_link_leads_to_a_web_page(link: str) -> None:
    with pytest.raises(ValueError, match="link"):
        rendered("reset_password", link=link)


@pytest.mark.parametrize("colour", ["red", "#fff", "#0b6b57;x", "", "#0b6b5\u0667"])
def test_what_is_no_colour_is_refused(colour: str) -> None:
    with pytest.raises(ValueError, match="colour"):
        Look(name="Acme", public_url="https://example.com", colour=colour)


@given(st.integers(0, 0xFFFFFF))
def test_the_button_can_be_read_on_every_colour(number: int) -> None:
    look = Look(name="Acme", public_url="https://example.com", colour=f"#{number:06x}")

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        light = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
        return sum(a * b for a, b in zip((0.2126, 0.7152, 0.0722), light, strict=True))

    darker, lighter = sorted((luminance(look.colour), luminance(look.on_colour)))
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_letters_beyond_ascii_arrive() -> None:
    look = Look(name="Bücher & Söhne", public_url="https://app.example.com")
    mail = parsed(composed(rendered("password_changed", look, where="Zürich"), sender="Ü <a@b.ch>"))
    assert mail["Subject"] == "Your password for Bücher & Söhne was changed"
    assert "From: Zürich\n" in content(mail, "plain")
    assert "Bücher &amp; Söhne" in content(mail, "html")
    assert mail["From"].addresses[0].display_name == "Ü"


@given(name=ANY)
def test_headers_are_laid_out_as_by_the_library_in_the_next_mail_too(name: str) -> None:
    """They are parsed and laid out once for many mails."""
    message = rendered("reset_password", Look(name=name, public_url="https://app.example.com"))
    sender = f"{name} <mail@example.com>" if name.isalnum() else "mail@example.com"
    for recipient in ("ada@example.com", "bob@example.com", "ada@example.com"):
        mail = composed(message, recipient=recipient, sender=sender)
        plain = EmailMessage(policy.SMTP)
        for header, value in mail.items():
            plain[header] = read_mailbox(sender).header if header == "From" else value
        for cte in ("7bit", "8bit"):
            made = mail.as_bytes(policy=mail.policy.clone(cte_type=cte))
            usual = plain.as_bytes(policy=policy.SMTP.clone(cte_type=cte))
            assert made.partition(b"\r\n\r\n")[0] == usual.partition(b"\r\n\r\n")[0]


def test_mails_leave_nothing_behind() -> None:
    """Headers are kept for the next mail, however many there are."""

    def kept_after(mails: int) -> int:
        for _ in range(mails):
            composed(rendered("reset_password")).as_bytes(policy=policy.SMTP)
        gc.collect()
        return sum(isinstance(one, policy.EmailPolicy) for one in gc.get_objects())

    assert kept_after(20) == kept_after(20)
