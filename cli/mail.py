"""`authingo mail`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from . import mail_list, output
from .running import AsJSON, ConfigFile, command, with_auth
from .tree import App

if TYPE_CHECKING:
    from authingo.auth import Auth

app = App(help="Look after the mail that is sent.")
app.command("list", epilog="Example: authingo mail list --failed")(mail_list.list_mails)


@app.command("retry", epilog="Example: authingo mail retry --all")
@command
def retry(
    mail_id: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="A mail that failed, by its id.", show_default=False),
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All mails that failed.")] = False,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """Try to deliver mails again that were given up. Give ID or --all.

    A running server delivers them, or `authingo mail send`. A mail whose link is no longer
    wanted, because the password has changed meanwhile, is dropped.
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
        output.note(f"{output.count(retried, 'mail')} will be tried again")


@app.command("send", epilog="Example, in a crontab: * * * * *  authingo mail send")
@command
def send(*, as_json: AsJSON = False, config: ConfigFile = None) -> None:
    """Deliver the mail that is due. For cron, where no server runs; prints nothing there.

    It may overlap with itself and with servers, and may be killed at any moment: no mail is
    lost, and at most the one that was on its way arrives twice.
    """

    async def work(auth: Auth) -> int:
        from authingo.mail.sending import Sender

        return await auth.capability(Sender).send_all()

    handled = with_auth(config, work, gives_way=True)
    if as_json:
        output.as_json({"handled": handled})
    elif sys.stderr.isatty():
        output.note(f"handled {output.count(handled, 'mail')}")


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
    """Send a mail that says that mail works. It does not go through the queue."""

    async def work(auth: Auth) -> None:
        from authingo import inputs
        from authingo.errors import InvalidInput
        from authingo.mail.sending import Sender

        normalized = inputs.normalize_email(address)
        if normalized is None:
            raise InvalidInput({"address": "is not an email address"})
        await auth.capability(Sender).send_test(normalized)

    with_auth(config, work, opened=False)
    if as_json:
        output.as_json({"sent": True})
    else:
        output.note(f"the mail server took a mail to {output.plain(address)}")
