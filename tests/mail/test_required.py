"""Where addresses have to be verified, nothing tells whether there is an account."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from authingo import Auth, EmailNotVerified
from tests.database import execute
from tests.mail.inbox import mail_settings, text_of, token_in, wait_for
from tests.mail.server import SMTPServer
from tests.mail.test_verification import verify
from tests.server import ADA, Answer, LiveServer
from tests.waiting import until

SENT = {"sent": True}


@pytest.fixture
def mails() -> Iterator[SMTPServer]:
    with SMTPServer() as server:
        yield server


@pytest.fixture
def server(mails: SMTPServer, serve: Callable[..., LiveServer]) -> LiveServer:
    return serve(mail=mail_settings(mails, verification="required"))


def emails(server: LiveServer) -> list[str]:
    return [one for (one,) in execute(server.database_url, "SELECT email FROM authingo_users")]


def waiting(server: LiveServer) -> int:
    """How many sign-ups wait for a proof."""
    counted = "SELECT count(*) FROM authingo_secrets WHERE purpose = 'pending'"
    return int(execute(server.database_url, counted)[0][0])


def all_sent(server: LiveServer) -> None:
    until(
        lambda: execute(server.database_url, "SELECT count(*) FROM authingo_mails")[0][0] == 0,
        "a mail is queued",
    )


def shape(answer: Answer) -> tuple[object, ...]:
    """What an answer tells, without the values of cookies."""
    names = sorted(
        value.partition("=")[0] if name == "set-cookie" else name for name, value in answer.headers
    )
    return answer.status, answer.body, names


def create(server: LiveServer, **user: object) -> None:
    async def work() -> None:
        auth = Auth(server.auth.settings)
        await auth.open()
        await auth.create_user(**{**ADA, **user})
        await auth.close()

    asyncio.run(work())


def test_a_user_exists_once_the_address_is_verified(server: LiveServer, mails: SMTPServer) -> None:
    browser = server.browser()
    answer = browser.sign_up()
    assert (answer.status, answer.json, set(answer.tokens)) == (200, SENT, {"authingo_pending"})
    assert emails(server) == []
    assert server.browser().sign_in().code == "invalid_credentials"
    (mail,) = wait_for(mails, 1)
    assert ADA["name"] not in text_of(mail)
    verified = verify(browser, token_in(mail))
    assert verified.status == 200
    assert verified.json["user"]["email_verified"] is True
    assert verified.json["user"]["name"] == ADA["name"]
    assert verified.tokens["authingo_pending"] == ""
    assert browser.get("/session").status == 200
    assert server.browser().sign_in().status == 200
    assert verify(browser, token_in(mail)).code == "invalid_token"
    names = [one for (one,) in execute(server.database_url, "SELECT name FROM authingo_events")]
    assert [one for one in names if one in {"sign_up", "email_verified"}] == [
        "sign_up",
        "email_verified",
    ]


def test_another_browser_needs_the_password(server: LiveServer, mails: SMTPServer) -> None:
    server.browser().sign_up()
    token, phone = token_in(wait_for(mails, 1)[0]), server.browser()
    assert verify(phone, token).code == "password_required"
    assert verify(phone, token, "not the password").code == "invalid_credentials"
    assert emails(server) == []
    right = verify(phone, token, ADA["password"])
    assert (right.status, phone.get("/session").status) == (200, 200)


def test_the_cookie_of_a_sign_up_is_no_token(server: LiveServer, mails: SMTPServer) -> None:
    browser = server.browser()
    cookie = browser.sign_up().tokens["authingo_pending"]
    wait_for(mails, 1)
    assert verify(browser, cookie).code == "invalid_token"
    assert emails(server) == []


def test_free_and_taken_addresses_get_the_same_answer(
    server: LiveServer, mails: SMTPServer
) -> None:
    create(server, verified=True)
    create(server, email="unproved@example.com")
    given = ("ada@example.com", "ADA@example.com", "unproved@example.com", "free@example.com")
    answers = [server.browser().sign_up(email=one) for one in given]
    assert len({repr(shape(one)) for one in answers}) == 1, [shape(one) for one in answers]
    all_sent(server)
    texts = {one.recipients[0]: text_of(one) for one in mails.received}
    assert "account already" in texts["ada@example.com"]
    assert "/reset-password#token=" in texts["ada@example.com"]
    assert "/verify-email#token=" in texts["free@example.com"]


def test_limits_answer_alike_and_tags_count_as_their_mailbox(
    server: LiveServer, mails: SMTPServer
) -> None:
    answers = [server.browser().sign_up(email=f"ada+{n}@example.com") for n in range(5)]
    assert len({repr(shape(one)) for one in answers}) == 1
    all_sent(server)
    assert len(mails.received) == 3


def test_the_first_to_prove_the_address_wins(server: LiveServer, mails: SMTPServer) -> None:
    """And a link that the owner opens completes no sign-up of a stranger."""
    stranger, owner = server.browser(), server.browser()
    stranger.sign_up(name="Mallory", password="the password of a stranger")
    strange = token_in(wait_for(mails, 1)[0])
    owner.sign_up()
    own = token_in(wait_for(mails, 2)[1])
    assert verify(server.browser(), strange).code == "password_required"
    assert verify(server.browser(), strange, ADA["password"]).code == "invalid_credentials"
    assert verify(owner, own).json["user"]["name"] == ADA["name"]
    assert verify(stranger, strange).code == "invalid_token"
    assert verify(server.browser(), strange, "the password of a stranger").code == "invalid_token"
    assert waiting(server) == 0


def test_only_so_many_mails_go_to_strangers_in_an_hour(
    mails: SMTPServer, serve: Callable[..., LiveServer]
) -> None:
    """From all networks together. The others wait, and mails to users are sent at once."""
    mail = mail_settings(mails, verification="required", to_strangers_per_hour=3)
    server = serve(mail=mail)
    create(server, verified=True)
    for number in range(5):
        server.browser().sign_up(email=f"{number}@example.com")
    server.browser().sign_up()
    wait_for(mails, 4)
    held = "SELECT count(*) FROM authingo_mails WHERE error LIKE 'too many%'"
    until(lambda: execute(server.database_url, held) == [(2,)], "the others do not wait")
    assert [ADA["email"]] in [one.recipients for one in mails.received]
    names = [one for (one,) in execute(server.database_url, "SELECT name FROM authingo_events")]
    assert names.count("mail_held_back") == 1


def test_an_unproved_user_of_an_operator_proves_the_address_first(
    server: LiveServer, mails: SMTPServer
) -> None:
    create(server)
    browser = server.browser()
    assert browser.sign_in(password="not the password").code == "invalid_credentials"
    refused = browser.sign_in()
    assert (refused.status, refused.code) == (403, "email_not_verified")
    assert set(refused.tokens) == {"authingo_pending"}
    assert "pending" not in refused.json
    token = token_in(wait_for(mails, 1)[0])
    assert verify(server.browser(), token).code == "password_required"
    assert verify(browser, token).json["user"]["email_verified"] is True
    assert browser.get("/session").status == 200
    assert server.browser().sign_in().status == 200


def test_that_right_password_is_neither_success_nor_failure(server: LiveServer) -> None:
    create(server)
    browser = server.browser()
    for _ in range(3):
        browser.sign_in(password="not the password")
    assert [browser.sign_in().code for _ in range(4)] == ["email_not_verified"] * 4
    codes = [browser.sign_in(password="not the password").code for _ in range(3)]
    assert codes == ["invalid_credentials"] * 2 + ["too_many_requests"]


def test_signing_out_ends_what_waits(server: LiveServer, mails: SMTPServer) -> None:
    browser = server.browser()
    browser.sign_up()
    token, kept = token_in(wait_for(mails, 1)[0]), dict(browser.cookies)
    assert browser.post("/sign-out").tokens["authingo_pending"] == ""
    browser.cookies = kept
    assert verify(browser, token).code == "invalid_token"


def test_running_sessions_stay_when_it_becomes_required(
    mails: SMTPServer, serve: Callable[..., LiveServer]
) -> None:
    server = serve(mail=mail_settings(mails, verification="optional"))
    browser = server.browser()
    browser.sign_up()
    later = serve(
        mail=mail_settings(mails, verification="required"), database_url=server.database_url
    ).browser()
    later.cookies = browser.cookies
    assert later.get("/session").status == 200
    assert later.post("/refresh").status == 200


def test_a_program_cannot_sign_up_past_it(server: LiveServer) -> None:
    async def work() -> None:
        auth = Auth(server.auth.settings)
        await auth.open()
        with pytest.raises(EmailNotVerified, match="SignUps"):
            await auth.sign_up(email="a@b.example", password=ADA["password"], name="Ada")
        await auth.close()

    asyncio.run(work())
    assert emails(server) == []


def test_closed_is_closed(mails: SMTPServer, serve: Callable[..., LiveServer]) -> None:
    server = serve(mail=mail_settings(mails, verification="required"), sign_up=False)
    assert server.browser().post("/sign-up", ADA).code == "sign_up_closed"


def test_the_document_says_what_sign_up_answers(server: LiveServer) -> None:
    document = server.browser().get("/openapi.json", base="").json
    schema = document["paths"]["/api/auth/sign-up"]["post"]["responses"]["200"]
    assert schema["content"]["application/json"]["schema"]["$ref"].endswith("AuthingoMailSent")
