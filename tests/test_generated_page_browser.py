"""The page of `authingo init` without a front end, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import generated_links
from tests.command import Runner
from tests.generated_database import expire
from tests.links import mail_into
from tests.person import PASSWORD, Person, ask, fill, fits, is_signed_in, is_signed_out, problem_of
from tests.program import free_port, run_program

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def project(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runner = Runner(tmp_path_factory.mktemp("page"))
    assert runner("init", "app").code == 0
    page = runner.directory / "app" / "page" / "index.html"
    hidden = 'id="offer-code" hidden'
    assert hidden in page.read_text()
    page.write_text(page.read_text().replace(hidden, 'id="offer-code"'))
    return runner.directory / "app"


@pytest.fixture(scope="module")
def url(project: Path, chromium: Browser) -> Iterator[str]:
    port = free_port()
    url = f"http://localhost:{port}"
    env = {**Runner(project).env, "AUTHINGO_PUBLIC_URL": url, **mail_into(project / "mail")}
    with run_program(project, env, port=port):
        yield url


@pytest.fixture
def ada(chromium: Browser, url: str, request: pytest.FixtureRequest) -> Iterator[Person]:
    email = f"{request.node.name[:40].strip('_')}@example.com"
    yield from _person(Person(chromium.new_context(), url, email))


@pytest.fixture
def elsewhere(chromium: Browser, ada: Person) -> Iterator[Person]:
    """Somebody in another browser."""
    yield from _person(Person(chromium.new_context(), ada.url, f"other.{ada.email}"))


def _person(person: Person) -> Iterator[Person]:
    yield person
    person.context.close()
    assert person.complaints == []


def test_who_signs_up_stays_until_they_sign_out(ada: Person) -> None:
    page = ada.sign_up()
    page.locator("pre").get_by_text(ada.email).wait_for()
    page.reload()
    is_signed_in(page)
    page.get_by_role("button", name="Sign out").click()
    is_signed_out(page)
    assert ada.tokens() == set()
    page.reload()
    is_signed_out(page)
    is_signed_in(ada.sign_in())


def test_a_forgotten_password_is_replaced(ada: Person, project: Path) -> None:
    generated_links.forgets_the_password(ada, project / "mail")


def test_a_mailed_code_signs_in_and_proves_again_who_somebody_is(
    ada: Person, project: Path
) -> None:
    generated_links.signs_in_with_a_code(ada, project / "authingo.db")


def test_the_page_of_a_link_says_that_it_has_none(ada: Person) -> None:
    generated_links.opens_the_page_of_a_link_without_one(ada)


def test_an_address_is_verified(ada: Person, elsewhere: Person, project: Path) -> None:
    generated_links.verifies_the_address(ada, elsewhere, project / "mail")


def test_a_link_to_verify_is_sent_again(ada: Person, project: Path) -> None:
    generated_links.asks_for_the_link_again(ada, project / "mail")


def test_an_address_is_changed_and_the_change_undone(
    ada: Person, elsewhere: Person, project: Path
) -> None:
    generated_links.changes_the_address(ada, elsewhere, project / "authingo.db")


def test_an_address_that_is_taken_is_not_stored(
    ada: Person, elsewhere: Person, project: Path
) -> None:
    generated_links.asks_for_an_address_that_is_taken(ada, elsewhere, project / "mail")


def test_without_mail_it_says_so(project: Path, chromium: Browser) -> None:
    port = free_port()
    url = f"http://localhost:{port}"
    env = {**Runner(project).env, "AUTHINGO_PUBLIC_URL": url}
    ada = Person(chromium.new_context(), url, "without.mail@example.com")
    with run_program(project, env, port=port):
        page = ada.open()
        ada.ask_for_link(page)
        page.get_by_text("This site sends no mail.").wait_for()
        page = ada.open()
        page.get_by_role("button", name="Email me a code instead").click()
        page.get_by_role("button", name="Send me a code").click()
        page.get_by_text("This site sends no codes.").wait_for()
    ada.context.close()
    assert ada.complaints == []


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_any_screen(
    chromium: Browser, url: str, project: Path, scheme: Any, width: int
) -> None:
    ada, elsewhere, bob = (
        Person(
            chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 844}),
            url,
            f"{name}.{scheme}.{width}@example.com",
        )
        for name in ("ada", "ada", "bob")
    )

    def look(page: Page, name: str) -> None:
        fits(page, f"plain-{name}-{scheme}-{width}")

    page = ada.sign_up()
    page.locator("pre").get_by_text(ada.email).wait_for()
    look(page, "account")
    generated_links.looks_at_a_change(page, elsewhere, project / "authingo.db", look)
    generated_links.looks_at_a_code(bob, project / "authingo.db", look)
    for one in (ada, elsewhere, bob):
        one.context.close()
        assert one.complaints == []


def test_an_expired_session_is_renewed(ada: Person, project: Path) -> None:
    page = ada.sign_up()
    before = ada.tokens()
    expire(project / "authingo.db", ada.email)
    ask(page)
    is_signed_in(page)
    assert len(ada.tokens()) == 2
    assert not ada.tokens() & before


def test_a_name_is_shown_as_text(ada: Person) -> None:
    name = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    page = ada.open()
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    page.get_by_role("button", name="Create an account").click()
    fill(page, Name=name, Email=ada.email, Password=PASSWORD)
    page.get_by_role("button", name="Create account").click()
    page.get_by_role("heading", name=f"Hello, {name}").wait_for()
    page.locator("pre").get_by_text("onerror").wait_for()
    assert page.locator("main img, main script").count() == 0


def test_what_is_wrong_is_said_at_the_field(ada: Person) -> None:
    page = ada.open()
    page.get_by_role("button", name="Create an account").click()
    fill(page, Name="Ada", Email="nobody", Password="short")
    page.get_by_role("button", name="Create account").click()
    for label in ("Email", "Password"):
        assert problem_of(page, label).startswith("This ")
    ada.fill_sign_up(ada.open())
    page.get_by_role("button", name="Sign in").click()
    fill(page, Email=ada.email, Password="wrong horse battery")
    page.get_by_role("button", name="Sign in").click()
    assert problem_of(page, "Password") == "The email or the password is wrong."
    assert page.evaluate("document.activeElement.id") == "password"


def test_without_a_network_it_says_so(ada: Person) -> None:
    page = ada.sign_up()
    ada.context.set_offline(True)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("alert").get_by_text("You are still signed in").wait_for()
    ada.context.set_offline(False)
    page.reload()
    is_signed_in(page)
