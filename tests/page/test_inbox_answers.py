"""The inbox of `authingo serve`, without a browser: who can read it, and where there is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.command import Served
from tests.server import ADA, Answer
from tests.waiting import until

if TYPE_CHECKING:
    from tests.command import Runner

INBOX = "/page/inbox"


def token_of(server: Served) -> str:
    found = re.search(r"#inbox=(\S+)", server.said)
    assert found is not None, server.said
    return found[1]


def got(server: Served, path: str = INBOX, method: str = "GET", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.browser.request(method, path, base="", headers=named, cookies={})


def mailed(server: Served) -> dict[str, str]:
    """Have a mail sent to Ada, and return it as the page gets it."""
    browser = server.browser
    browser.sign_up()
    assert browser.post("/reset-password/request", {"email": ADA["email"]}).json == {"sent": True}
    found: list[dict[str, str]] = []

    def came() -> bool:
        mails = got(server, X_Authingo_Inbox=token_of(server)).json["mails"]
        found[:] = [mail for mail in mails if "new password" in mail["subject"]]
        return bool(found)

    until(came, "there is no mail")
    return found[0]


def link_in(mail: dict[str, str]) -> str:
    (link,) = re.findall(r"http\S+#token=\S+", mail["text"])
    return str(link)


def test_mail_works_without_a_setting_on_both_databases(
    start: Callable[..., Served], database_url: str
) -> None:
    server = start(AUTHINGO_DATABASE_URL=database_url)
    mail = mailed(server)
    assert mail["to"] == ADA["email"]
    page, _, token = link_in(mail).partition("#token=")
    assert page == f"http://127.0.0.1:{server.port}/reset-password"
    assert got(server, "/reset-password").body == got(server, "/").body
    new = {"token": token, "new_password": "a new correct horse"}
    assert server.browser.post("/reset-password", new).status == 200
    assert server.browser.sign_in(password="a new correct horse").status == 200


def test_only_the_token_opens_the_inbox(start: Callable[..., Served]) -> None:
    server = start()
    mail, token = mailed(server), token_of(server)
    attempts = [{}, *({"X_Authingo_Inbox": wrong} for wrong in ("", "x", token[:-1], token + "x"))]
    answers = [got(server, **headers) for headers in attempts]
    answers.append(got(server, f"{INBOX}?token={token}", Cookie=f"inbox={token}"))
    for answer in answers:
        assert answer.status == 403
        assert ADA["email"].encode() not in answer.body
    for name in ("", "1", "a" * 64, mail["html"].rpartition("/")[2][:-1], "%C3%A9"):
        assert got(server, f"{INBOX}/{name}").status == 404
    server.end()
    logged = server.said.partition("Listening on")[2]
    assert mail["html"] not in logged
    assert token not in logged
    assert f'"GET {INBOX} HTTP/1.1" 403' in logged, "but refusals are logged"


def test_a_mail_comes_under_a_policy_without_scripts(start: Callable[..., Served]) -> None:
    server = start()
    mail = mailed(server)
    answer = got(server, mail["html"])
    assert link_in(mail) in answer.body.decode()
    (policy,) = answer.all("content-security-policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["form-action"] == rules["base-uri"] == "'none'"
    assert rules["frame-ancestors"] == "'self'"
    assert rules["sandbox"] == "allow-same-origin allow-top-navigation-by-user-activation"
    assert "script-src" not in rules
    for one in (answer, got(server, X_Authingo_Inbox=token_of(server))):
        assert one.all("cache-control") == ["no-store"]
        assert one.all("cross-origin-resource-policy") == ["same-origin"]


def test_only_later_mails_are_answered_if_the_page_knows_the_others(
    start: Callable[..., Served],
) -> None:
    server = start()
    mail = mailed(server)
    later = got(server, f"{INBOX}?after={mail['number']}", X_Authingo_Inbox=token_of(server))
    assert later.json == {"mails": []}
    for odd in ("after=x", "after=-1", "after=" + "9" * 5000, "%00"):
        answer = got(server, f"{INBOX}?{odd}", X_Authingo_Inbox=token_of(server))
        assert len(answer.json["mails"]) == 2


def test_the_last_hundred_mails_are_kept(start: Callable[..., Served]) -> None:
    server = start(AUTHINGO_LIMITS__ENABLED="false")
    mailed(server)
    for _ in range(99):
        server.browser.post("/reset-password/request", {"email": ADA["email"]})

    def numbers() -> list[int]:
        mails = got(server, X_Authingo_Inbox=token_of(server)).json["mails"]
        return [mail["number"] for mail in mails]

    until(lambda: numbers() == [*range(2, 102)], "the first of 101 mails is still there")


def test_a_token_opens_no_other_server(start: Callable[..., Served]) -> None:
    first, second = start(), start()
    assert token_of(first) != token_of(second)
    assert got(second, X_Authingo_Inbox=token_of(first)).status == 403


def has_no_mail(server: Served) -> None:
    assert "#inbox" not in server.said
    assert got(server).status == 404
    asked = server.browser.post("/reset-password/request", {"email": ADA["email"]})
    assert asked.status == 404


@pytest.mark.parametrize("headers", [{"Host": "rebound.example"}, {"X_Forwarded_For": "1.2.3.4"}])
def test_it_is_off_for_whoever_does_not_come_straight_from_this_machine(
    start: Callable[..., Served], headers: dict[str, str]
) -> None:
    server = start()
    mail = mailed(server)
    assert got(server, X_Authingo_Inbox=token_of(server), **headers).status == 404
    assert got(server, mail["html"], **headers).status == 404


def test_there_is_none_where_other_machines_could_reach_it(bare: Runner) -> None:
    for host, public_url in {
        "0.0.0.0": "http://localhost:8080",
        "127.0.0.1": "https://example.com",
    }.items():
        server = Served(bare, "--host", host, AUTHINGO_PUBLIC_URL=public_url)
        try:
            has_no_mail(server)
        finally:
            server.end()


def test_several_workers_have_none(bare: Runner) -> None:
    server = Served(bare, "--workers", "2")
    try:
        has_no_mail(server)
    finally:
        server.end()


@pytest.mark.parametrize("place", ["192.0.2.7:1/db", "127.0.0.1,192.0.2.7/db", "/db?host=db.test"])
def test_mail_of_a_database_elsewhere_is_left_to_its_own_servers(
    start: Callable[..., Served], place: str
) -> None:
    has_no_mail(
        start(AUTHINGO_DATABASE_URL=f"postgresql://user:word@{place}", AUTHINGO_STORE__TIMEOUT="1s")
    )


def test_mail_that_goes_somewhere_goes_there_and_not_to_an_inbox(
    start: Callable[..., Served], unused_port: int, tmp_path: object
) -> None:
    directory = f"{tmp_path}/mails"
    url = f"http://127.0.0.1:{unused_port}"
    server = start(
        port=unused_port,
        AUTHINGO_PUBLIC_URL=url,
        AUTHINGO_MAIL__URL=f"file://{directory}",
        AUTHINGO_MAIL__FROM="a@example.com",
    )
    assert "#inbox" not in server.said
    assert f"mail to file://{directory}" in server.said
    assert got(server).status == 404
    assert got(server, "/reset-password").status == 200, "the page still takes its links"


def test_the_sender_that_is_set_is_used(start: Callable[..., Served]) -> None:
    server = start(AUTHINGO_MAIL__FROM="Acme <hello@acme.example>")
    assert mailed(server)["subject"] == "Choose a new password for Acme"
