"""A notice says what is known, and nothing that is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from authingo.mail import sending
from authingo.mail.notices import PASSWORD_CHANGED, notice
from authingo.models import Client
from tests.mail.inbox import mail_settings, wait_for
from tests.mail.server import SMTPServer
from tests.server import ADA, LiveServer


@pytest.mark.parametrize("shared", [False, True])
def test_the_address_of_a_proxy_is_not_taken_for_that_of_a_client(shared: bool) -> None:
    client = Client("203.0.113.7", shared=shared)
    facts = notice(PASSWORD_CHANGED, "usr_x", "ada@example.com", client).facts or b""
    assert (b"203.0.113.7" in facts) is not shared


def test_what_a_request_queues_is_sent_at_once(
    serve: Callable[..., LiveServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not when the queue is looked at the next time, which is for mails of other processes."""
    monkeypatch.setattr(sending, "_LOOK", 3600.0)
    with SMTPServer() as mails:
        server = serve(mail=mail_settings(mails, verification="optional"))
        browser = server.browser()
        browser.sign_up()
        wait_for(mails, 1)
        body = {"current_password": ADA["password"], "new_password": "another sentence"}
        assert browser.post("/change-password", body).status == 200
        wait_for(mails, 2)
        server.stop()
