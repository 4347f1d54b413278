"""Templates of one's own, by kind and language."""

from __future__ import annotations

import re
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authingo.errors import ConfigError
from authingo.mail.messages import Look, render
from authingo.mail.wording import BUILT_IN, check_templates, find

VALUES = {"link": "https://example.com/x#token=y", "minutes": "60"}


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def chosen(templates: Path | None, language: str) -> tuple[str, str]:
    found = find("reset_password", language=language, templates=templates)
    return found.subject, found.language


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    for language in ("de", "pt-BR", "fr"):
        write(tmp_path / language / "reset_password.txt", f"{language}\n\n$link\n")
    return tmp_path


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de", "de"),
        ("DE-ch", "de"),
        ("pt-br", "pt-BR"),
        ("it, fr;q=0.8, de;q=0.9", "de"),
        ("it,*;q=0.5,fr;q=0.4", "fr"),
        ("de;q=0, fr", "fr"),
        ("fr;q=, de", "de"),
        ("it, de;q=0.9, f", "de"),
        ("en-GB, de;q=0.9", "en"),
        ("it", "en"),
        ("pt", "en"),
        ("", "en"),
        ("../de", "en"),
        ("de/../fr", "en"),
        (";;,,=", "en"),
    ],
)
def test_the_reader_gets_a_language_that_they_want(
    header: str, language: str, templates: Path
) -> None:
    assert chosen(templates, header)[1] == language


def test_without_templates_of_ones_own_all_is_english() -> None:
    assert chosen(None, "de") == ("Choose a new password for $app", "en")


def test_a_template_for_everybody_else_replaces_the_english_one(templates: Path) -> None:
    write(templates / "reset_password.txt", "Ours\n\n$link\n")
    assert chosen(templates, "it") == ("Ours", "")
    assert chosen(templates, "en") == ("Ours", "")
    assert chosen(templates, "de") == ("de", "de")


def test_a_layout_of_ones_own_is_used(templates: Path) -> None:
    write(templates / "layout.html", "<html lang='$language'><main>$body</main>")
    look = Look(name="Acme", public_url="https://example.com", templates=templates)
    html = render("reset_password", VALUES, look=look, language="de").html
    assert html.startswith("<html lang='de'><main><table")
    assert 'href="https://example.com/x#token=y"' in html


def test_a_template_is_text_and_not_html(templates: Path) -> None:
    text = "1 < 2 & <b>3\n\nSo <b>it</b> is.\n\nGo <i>on</i>:\n$link\n\n<b>: <i>\nA: <a>\n"
    write(templates / "reset_password.txt", text)
    look = Look(name="Acme", public_url="https://example.com", templates=templates)
    message = render("reset_password", VALUES, look=look, language="")
    assert message.subject == "1 < 2 & <b>3"
    assert "<h1" in message.html
    assert not {"<b>", "<i>", "<a>"} & set(re.findall(r"<[^ >]*>", message.html))


@given(st.text(max_size=100))
def test_any_header_chooses_a_template(header: str) -> None:
    assert chosen(None, header)[1] == "en"


@given(st.text(max_size=100))
def test_any_header_chooses_among_the_folders_there_are(header: str) -> None:
    assert find("test", language=header, templates=Path(__file__).parent).language == "en"


def refused(templates: Path) -> str:
    with pytest.raises(ConfigError) as error:
        check_templates(templates)
    assert error.value.message.startswith("mail.templates: ")
    return error.value.message


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        (
            "reset_password.txt",
            "Subject\n\n$lnik\n",
            "there is no $lnik here, only $app, $host",
        ),
        ("de/reset_password.txt", "Subject\n\nNothing\n", "needs $link"),
        ("reset_password.txt", "$minutes\n\n$link\n", "the subject may have $app and $host"),
        ("reset_password.txt", "Subject\n\n$link costs 5 $\n", "$$"),
        ("reset_password.txt", "Subject\n", "needs a subject"),
        ("reset_password.txt", "\n\n$link", "needs a subject"),
        ("password_reset.txt", "Subject\n\n$link\n", "not the name of a template; there are"),
        ("reset_password.html", "<p>$link", "is not the name"),
        ("layout.html", "<p>$subject", "needs $body"),
        ("de/layout.html", "$body $link", "there is no $link"),
    ],
)
def test_a_template_that_cannot_work_is_refused(
    name: str, text: str, reason: str, tmp_path: Path
) -> None:
    write(tmp_path / name, text)
    said = refused(tmp_path)
    assert str(tmp_path / name) in said
    assert reason in said


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "test.txt").write_bytes(b"\xff\n\nx")
    assert "not UTF-8" in refused(tmp_path)
    assert "not a directory" in refused(tmp_path / "test.txt")
    assert "not a directory" in refused(tmp_path / "missing")


def test_good_templates_and_other_files_are_accepted(templates: Path) -> None:
    write(templates / "README.md", "$nothing")
    write(templates / "layout.html", "$body $app $host $colour $on_colour $subject $language")
    (templates / "test.txt").write_bytes(b"\xef\xbb\xbfOurs\r\n\r\nIt costs 5 $$.\r\n")
    check_templates(templates)
    look = Look(name="Acme", public_url="https://example.com", templates=templates)
    message = render("test", {}, look=look, language="")
    assert (message.subject, message.text) == ("Ours", "It costs 5 $.\n")


@pytest.mark.skipif(sys.platform == "win32", reason="files have no such modes there")
@pytest.mark.parametrize("shared", ["", "de", "de/reset_password.txt", "password_changed.txt"])
def test_texts_that_every_user_of_the_machine_can_write_are_refused(
    tmp_path: Path, shared: str
) -> None:
    """They could ask the readers of your mails for their passwords."""
    (tmp_path / "de").mkdir()
    for name in ("de/reset_password.txt", "password_changed.txt"):
        (tmp_path / name).write_text((BUILT_IN / Path(name).name).read_text())
    check_templates(tmp_path)
    (tmp_path / shared).chmod((tmp_path / shared).stat().st_mode | stat.S_IWOTH)
    with pytest.raises(ConfigError, match="can be written by every user of this machine"):
        check_templates(tmp_path)


def test_a_text_that_others_can_write_since_the_start_is_not_sent(tmp_path: Path) -> None:
    text = tmp_path / "reset_password.txt"
    text.write_text("Subject\n\n$link\n")
    check_templates(tmp_path)
    text.chmod(0o666)
    with pytest.raises(ConfigError, match="can be written"):
        find("reset_password", language="", templates=tmp_path)
