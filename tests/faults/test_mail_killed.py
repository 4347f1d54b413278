"""kill -9 of a server that delivers mail: all arrive, and at most one twice for each kill.

AUTHINGO_TEST_MAIL_KILLS=100 kills more often than the few times that every run does.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal

from authingo import Auth
from authingo.config import load
from authingo.mail.notices import PASSWORD_CHANGED, notice
from authingo.models import NO_CLIENT
from tests.command import Runner, Served
from tests.database import execute
from tests.mail.inbox import mail_settings
from tests.mail.server import SMTPServer
from tests.waiting import until

KILLS = int(os.environ.get("AUTHINGO_TEST_MAIL_KILLS", "5"))
MAILS = 1000


def test_all_mails_arrive(authingo: Runner) -> None:
    with SMTPServer() as mails:
        mail = mail_settings(mails)
        (authingo.directory / "authingo.toml").write_text(
            f'public_url = "http://localhost:8080"\n[mail]\nurl = "{mail["url"]}"\n'
            f'from = "{mail["from"]}"\n'
        )
        asyncio.run(_queue(authingo))
        for _ in range(KILLS):
            server = Served(authingo)
            goal = len(mails.received) + random.randint(1, MAILS // (KILLS + 1))
            until(lambda goal=goal: len(mails.received) >= goal, "it does not deliver")  # type: ignore[misc]
            server.end(signal.SIGKILL)
        # The one that was on its way is due again when its lease runs out: make that now.
        url = authingo.env["AUTHINGO_DATABASE_URL"]
        execute(url, "UPDATE authingo_mails SET leased_until = created_at WHERE tries > 0")
        server = Served(authingo)
        until(lambda: len({one.recipients[0] for one in mails.received}) == MAILS, "some are lost")
        until(lambda: execute(url, "SELECT count(*) FROM authingo_mails") == [(0,)], "still queued")
        server.end()
        assert len(mails.received) - MAILS <= KILLS
        ids = {one.message["Message-ID"] for one in mails.received}
        assert len(ids) == MAILS, "what came twice has the same Message-ID"


async def _queue(runner: Runner) -> None:
    auth = Auth(load(runner.directory / "authingo.toml", runner.env))
    await auth.open()
    for number in range(MAILS):
        address = f"user{number}@example.com"
        await auth.store.mails.add(notice(PASSWORD_CHANGED, "usr_x", address, NO_CLIENT))
    await auth.close()
