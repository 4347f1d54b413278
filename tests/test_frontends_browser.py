"""What `authingo init --react` and `--next` write, built, started, and used in a real browser.

Needs npm too. `AUTHINGO_TEST_SCREENSHOTS` names a directory for pictures of every page.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tests import generated_links
from tests.frontends import FrontEnd, Site
from tests.person import PASSWORD, Person, ask, fill, fits, is_signed_in, is_signed_out, problem_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("built by npm")]

READABLE = """async () => JSON.stringify([
  document.cookie, {...localStorage}, {...sessionStorage},
  await indexedDB.databases(), await caches.keys(), document.documentElement.outerHTML,
])"""
_people = count(1)


@pytest.fixture(scope="module", params=["react", "next_js"])
def front_end(request: pytest.FixtureRequest, chromium: Browser) -> FrontEnd:
    made: FrontEnd = request.getfixturevalue(request.param)  # not without a browser to use it
    return made


@pytest.fixture(scope="module")
def site(front_end: FrontEnd) -> Iterator[Site]:
    with front_end.built() as running:
        yield running


@pytest.fixture
def person(chromium: Browser, site: Site) -> Iterator[Callable[..., Person]]:
    people: list[Person] = []

    def make(email: str = "", **options: Any) -> Person:
        email = email or f"ada{next(_people)}@example.com"
        people.append(Person(chromium.new_context(**options), site.url, email))
        return people[-1]

    yield make
    for one in people:
        one.context.close()
        assert one.complaints == []


@pytest.fixture
def ada(person: Callable[..., Person]) -> Person:
    return person()


def test_tabs_that_wake_at_the_same_moment_refresh_once(ada: Person, site: Site) -> None:
    tabs = [ada.sign_up(), ada.open()]
    is_signed_in(tabs[1])
    refreshes: list[str] = []
    ada.context.on(
        "request", lambda sent: refreshes.append(sent.url) if "/refresh" in sent.url else None
    )
    for _ in range(5):
        refreshes.clear()
        ada.context.set_offline(True)
        site.expire(ada.email)
        with (
            tabs[0].expect_response("**/api/auth/session") as one,
            tabs[1].expect_response("**/api/auth/session") as other,
        ):
            ada.context.set_offline(False)
        assert sorted([one.value.status, other.value.status]) == [200, 401]
        for tab in tabs:
            ask(tab)
            is_signed_in(tab)
        assert len(refreshes) == 1


def test_a_forgotten_password_is_replaced(ada: Person, site: Site) -> None:
    generated_links.forgets_the_password(ada, site.mails)


def test_a_mailed_code_signs_in_and_proves_again_who_somebody_is(ada: Person, site: Site) -> None:
    generated_links.signs_in_with_a_code(ada, site.database)


def test_the_page_of_a_link_says_that_it_has_none(ada: Person) -> None:
    generated_links.opens_the_page_of_a_link_without_one(ada)


def test_an_address_is_verified(person: Callable[..., Person], ada: Person, site: Site) -> None:
    generated_links.verifies_the_address(ada, person(), site.mails)


def test_a_link_to_verify_is_sent_again(ada: Person, site: Site) -> None:
    generated_links.asks_for_the_link_again(ada, site.mails)


def test_an_address_is_changed_and_the_change_undone(
    person: Callable[..., Person], ada: Person, site: Site
) -> None:
    generated_links.changes_the_address(ada, person(), site.database)


def test_an_address_that_is_taken_is_not_stored(
    person: Callable[..., Person], ada: Person, site: Site
) -> None:
    generated_links.asks_for_an_address_that_is_taken(ada, person(), site.mails)


def test_without_a_network_nobody_is_signed_out(ada: Person) -> None:
    page = ada.sign_up()
    ada.context.set_offline(True)
    page.get_by_role("button", name="Ask again").click()
    page.locator("pre").get_by_text("No connection").wait_for()
    page.get_by_role("button", name="Sign out").click()
    alert = page.get_by_role("alert").filter(has_text="You are still signed in")
    alert.wait_for()
    is_signed_in(page)
    ada.context.set_offline(False)
    alert.wait_for(state="detached")
    ask(page)


def test_no_script_can_read_a_token(ada: Person, site: Site) -> None:
    answers: list[Any] = []
    ada.context.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108
    page = ada.sign_up()
    ask(page)
    tokens = ada.cookie_values()
    readable = "".join(answer.text() for answer in answers if answer.ok)
    answers.clear()
    site.expire(ada.email)
    page.reload()
    is_signed_in(page)
    ask(page)
    tokens |= ada.cookie_values()
    assert len(tokens) == 5
    assert all(cookie["httpOnly"] for cookie in ada.context.cookies())
    page_itself = page.evaluate(READABLE)
    assert json.loads(page_itself)[:5] == ["", {}, {}, [], []]
    readable += page_itself + "".join(answer.text() for answer in answers if answer.ok)
    assert ada.email in readable
    assert not [token for token in tokens if token in readable]


def test_errors_stand_next_to_their_fields(ada: Person, person: Callable[..., Person]) -> None:
    page = ada.open()
    page.get_by_role("button", name="Create an account").click()
    fill(page, Email="nobody", Password="short")
    page.get_by_role("button", name="Create account").click()
    assert "1 to 200 characters" in problem_of(page, "Name")
    assert "not an email address" in problem_of(page, "Email")
    assert "8" in problem_of(page, "Password")
    assert page.evaluate("document.activeElement.name") == "name"
    assert page.get_by_label("Email", exact=True).input_value() == "nobody", "what was typed stays"
    page.close()

    page = ada.sign_up()
    fill(page, Current_password="wrong horse", New_password="another horse battery")
    page.get_by_role("button", name="Change password").click()
    assert "password" in problem_of(page, "Current password")
    fill(page, Current_password=PASSWORD, New_password="password")
    page.get_by_role("button", name="Change password").click()
    assert "common" in problem_of(page, "New password")
    assert page.locator("[aria-invalid=true]").count() == 1

    other = person(ada.email)
    page = other.sign_in("wrong horse")
    assert problem_of(page, "Password")
    page.get_by_role("button", name="Create an account").click()
    fill(page, Name="Ada", Email=ada.email, Password=PASSWORD)
    page.get_by_role("button", name="Create account").click()
    assert problem_of(page, "Email")
    assert other.tokens() == set()


def test_a_user_ends_sessions_elsewhere(ada: Person, person: Callable[..., Person]) -> None:
    page = ada.sign_up()
    elsewhere = person(ada.email).sign_in()
    is_signed_in(elsewhere)
    page.reload()
    page.get_by_text("This browser").wait_for()
    page.get_by_role("button", name="End the session of Chrome on Linux").click()
    page.get_by_role("button", name="End the session").wait_for(state="detached")
    assert page.get_by_role("listitem").count() == 1
    elsewhere.get_by_role("button", name="Ask again").click()
    is_signed_out(elsewhere)
    ask(page)


def test_a_new_password_ends_sessions_elsewhere(ada: Person, person: Callable[..., Person]) -> None:
    page = ada.sign_up()
    elsewhere = person(ada.email).sign_in()
    is_signed_in(elsewhere)
    fill(page, Current_password=PASSWORD, New_password="another horse battery")
    page.get_by_role("button", name="Change password").click()
    page.get_by_text("Everywhere else you are signed out").wait_for()
    assert page.get_by_label("New password").input_value() == ""
    assert page.locator("button:focus").inner_text() == "Change password", "the focus stays"
    elsewhere.get_by_role("button", name="Ask again").click()
    is_signed_out(elsewhere)
    is_signed_in(person(ada.email).sign_in("another horse battery"))


def test_the_server_of_nextjs_renders_the_user(
    ada: Person, person: Callable[..., Person], site: Site
) -> None:
    if site.kind == "react":
        pytest.skip("nothing is rendered on a server")
    ada.sign_up()

    def rendered() -> Person:
        kept: Any = ada.context.storage_state()
        return person(java_script_enabled=False, storage_state=kept)

    is_signed_in(rendered().open())
    site.expire(ada.email)  # then only a browser can find out
    rendered().open().get_by_text("Loading…").wait_for()
    is_signed_in(ada.open())
    is_signed_out(person(java_script_enabled=False).open())


def test_the_development_server_keeps_the_cookies(front_end: FrontEnd, chromium: Browser) -> None:
    with front_end.developed() as site:
        ada = Person(chromium.new_context(), site.url, f"dev-{next(_people)}@example.com")
        page = ada.sign_up()
        site.expire(ada.email)
        ask(page)
        page.reload()
        is_signed_in(page)
        page.get_by_role("button", name="Sign out").click()
        is_signed_out(page)
        ada.context.close()
        assert ada.complaints == []


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_any_screen(
    person: Callable[..., Person], site: Site, scheme: str, width: int
) -> None:
    screen = {"color_scheme": scheme, "viewport": {"width": width, "height": 844}}
    ada = person(**screen)

    def look(page: Page, name: str) -> None:
        fits(page, f"{site.kind}-{name}-{scheme}-{width}")

    page = ada.follow(f"{ada.url}/reset-password")
    page.get_by_text("The link is not complete.").wait_for()
    look(page, "link")
    page = ada.open()
    is_signed_out(page)
    look(page, "sign-in")
    page.get_by_role("button", name="Create an account").click()
    fill(page, Name="Ada", Email="nobody", Password="short")
    page.get_by_role("button", name="Create account").click()
    problem_of(page, "Email")
    look(page, "errors")
    fill(page, Email=ada.email, Password=PASSWORD)
    page.get_by_role("button", name="Create account").click()
    is_signed_in(page)
    is_signed_in(person(ada.email).sign_in())
    page.reload()
    page.get_by_role("button", name="End all others").wait_for()
    page.locator("pre").get_by_text('"email"').wait_for()
    look(page, "account")
    generated_links.looks_at_a_change(page, person(**screen), site.database, look)
    generated_links.looks_at_a_code(person(**screen), site.database, look)
