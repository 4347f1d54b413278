"""`authingo mail`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import mail_list, output
from .running import AsJSON, ConfigFile, command, with_auth
from .tree import App

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.stores.mails import MailCounts

_NONE = "no mail has failed: nothing to try again"

app = App(help="Look after the mail that is sent.")
app.command("list", epilog="Example: authingo mail list --failed")(mail_list.list_mails)


@app.command("retry", epilog="Example: authingo mail retry --all")
@command
def retry(
    mail_id: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="The id of a mail that failed.", show_default=False),
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All mails that failed.")] = False,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """Queue failed mails again. Give ID or --all.

    A running server delivers them, or `authingo mail send`. A link to choose a password is not
    sent any more if the password or the address has changed meanwhile.
    """
    from authingo.cli.errors import UsageError

    from authingo.errors import NoSuchMail

    if (mail_id is not None) == everything:
        raise UsageError("give either ID or --all", hint="`authingo mail list --failed` shows ids")

    async def work(auth: Auth) -> int:
        retried = await auth.store.mails.retry(mail_id)
        if mail_id is not None and not retried:
            raise NoSuchMail
        return retried

    retried = with_auth(config, work)
    if as_json:
        output.as_json({"retried": retried})
    else:
        output.note(f"{output.count(retried, 'mail')} will be tried again" if retried else _NONE)


@app.command("send", epilog="Example, in a crontab: * * * * *  authingo mail send")
@command
def send(*, as_json: AsJSON = False, config: ConfigFile = None) -> None:
    """Deliver what is due. For cron, where no server runs; there it prints only what failed.

    It may overlap with itself and with servers, and may be killed at any moment: no mail is
    lost, and at most the one that was on its way arrives twice. A mail that was refused for now
    is due again later; `authingo mail list` shows when.
    """

    async def work(auth: Auth) -> tuple[int, MailCounts]:
        from authingo.mail.sending import Sender

        handled = await auth.capability(Sender).send_all()
        return handled, await auth.store.mails.counts()

    handled, left = with_auth(config, work, gives_way=True)
    if as_json:
        output.as_json({"handled": handled})
    elif sys.stderr.isatty():
        queued = f"{left.queued:,} still queued"
        output.note(f"handled {output.count(handled, 'mail')}: {queued}, {left.failed:,} failed")


@app.command("test", epilog="Example: authingo mail test you@example.com")
@command
def send_test(
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="Whom to send it to.", show_default=False)
    ],
    *,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """Send a mail that says that mail works.

    It is sent once and at once, not through the queue, and does not need the database.
    """

    async def work(auth: Auth) -> Path | None:
        from authingo import inputs
        from authingo.errors import InvalidInput
        from authingo.mail.sending import Sender
        from authingo.mail.settings import require_mail

        normalized = inputs.normalize_email(address)
        if normalized is None:
            raise InvalidInput({"address": "is not an email address"})
        await auth.capability(Sender).send_test(normalized)
        return require_mail(auth.settings).directory

    directory = with_auth(config, work, opened=False)
    if as_json:
        output.as_json({"sent": True})
    elif directory is not None:
        output.note(f"wrote a mail to {output.plain(address)} into {output.plain(str(directory))}")
    else:
        output.note(f"the mail server took a mail to {output.plain(address)}")
