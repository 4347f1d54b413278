"""Hand a mail to an SMTP server (RFC 5321), and know whether it took it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import ssl
from collections.abc import Collection

import aiosmtplib

from authingo.mail.outcomes import MaybeDelivered, NotDelivered
from authingo.mail.redaction import without
from authingo.mail.servers import Encryption, MailServer

# Together 60 seconds: a worker that delivers mail holds its lease for longer.
_PATIENCE = 58.0  # seconds for everything
_GOODBYE = 2.0  # seconds for the answer to QUIT, which changes nothing

_MOST = 100  # mails on one connection; servers often allow no more

# Sign in first, or do it better: the server refuses us, not the recipient (RFC 4954 §6).
_WANTS_CREDENTIALS = {530, 534, 535, 538}

_ERRNO = re.compile(r"\[Errno (\d+)\]", re.ASCII)
_LINE_END = re.compile(rb"\r\n|\r|\n")
_DOT = re.compile(rb"^\.", re.MULTILINE)


class Conversation:
    """What is said to a server. The server's certificate must be valid for its name.

    The connection stays after a mail was handed over, for the next one. After a failure there is
    a new one. Call `end` in the end.

    Args:
        server: which is not a directory.
        domain: of the sender, which is how the client introduces itself. The name of this machine
            would be of no use to a submission server, and looking it up can take long.
        secrets: what the server may repeat but nobody may read.
    """

    def __init__(self, server: MailServer, *, domain: str, secrets: Collection[str]) -> None:
        self._server = server
        self._domain = domain
        self._credentials = self._secrets = secrets
        self._client = self._new_client()
        self._handed_over = 0  # mails, by this connection; it is open if there are any
        self._begin()

    def _begin(self) -> None:
        self._doing = ""
        self._may_send = False  # the server has accepted the sender
        self._sent = False

    def _new_client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            local_hostname=self._domain,
            timeout=None,  # one for the whole conversation instead
            use_tls=self._server.encryption == "tls",
            start_tls=False,  # that is: not by itself
        )

    async def send(
        self, mail: bytes, *, sender: str, recipient: str, secrets: Collection[str] = ()
    ) -> None:
        """Hand over one mail. `secrets` are those that it holds.

        Raises:
            NotDelivered: surely not.
            MaybeDelivered: it was sent, but there was no answer.
        """
        self._secrets = {*self._credentials, *secrets}
        failure = await self._try(mail, sender, recipient)
        if failure is not None:  # raised here, where no error is attached that has more to say
            raise failure
        self._handed_over += 1

    async def check(self) -> None:
        """Connect, sign in, and disconnect.

        Raises:
            NotDelivered: that is not possible.
        """
        failure = await self._try()
        if failure is not None:
            raise failure
        await self._close(politely=True)

    async def end(self, *, politely: bool) -> None:
        """Disconnect, if there is a connection."""
        if self._handed_over:
            await self._close(politely=politely)

    async def _try(
        self, mail: bytes | None = None, sender: str = "", recipient: str = ""
    ) -> NotDelivered | MaybeDelivered | None:
        """Do it, and disconnect only if it fails."""
        self._begin()
        in_step = done = False
        try:
            async with time_limit():
                if mail is None:
                    await self._open()
                else:
                    await self._introduce(sender)
                    await self._hand_over(mail, recipient)
            done = True
        except aiosmtplib.SMTPResponseException as error:
            in_step = True
            return self._refused(error)
        except (aiosmtplib.SMTPException, ssl.SSLError, ValueError) as error:
            return self._lost(self._explained(error), self._hint_after(error))
        except TimeoutError:
            return self._lost(f"no answer in {_PATIENCE:.0f} seconds", self._hint("starttls"))
        except OSError as error:
            return self._lost(_said_by_system(error))
        finally:
            if not done:
                await self._close(politely=in_step)
        return None

    async def _introduce(self, sender: str) -> None:
        """Begin a mail, on the connection of the one before if the server still wants that.

        It may have ended the connection meanwhile, or take only a certain number of mails on one.
        Nothing of this mail was said yet, so a new connection decides.
        """
        if 0 < self._handed_over < _MOST:
            self._doing = "sending"
            try:
                await self._client.mail(sender)
            except (aiosmtplib.SMTPException, OSError):
                await self._close(politely=False)
            else:
                self._may_send = True
                return
        elif self._handed_over:
            await self._close(politely=True)
        await self._open()
        self._doing = "sending"
        await self._client.mail(sender)
        self._may_send = True

    async def _open(self) -> None:
        self._doing = f"connecting to {self._server.host}, port {self._server.port}"
        await self._client.connect()
        if self._server.encryption == "starttls":
            self._doing = "starting TLS"
            await self._client.starttls()
        if self._server.user is not None and self._server.password is not None:
            self._doing = "signing in"
            await self._client.login(self._server.user, self._server.password)

    async def _hand_over(self, mail: bytes, recipient: str) -> None:
        """Send the mail.

        The library can send DATA and the mail at once, but does not say afterwards which of them
        failed.
        """
        await self._client.rcpt(recipient)
        answer = await self._client.execute_command(b"DATA")
        if answer.code != aiosmtplib.SMTPStatus.start_input:
            raise aiosmtplib.SMTPDataError(answer.code, answer.message)
        protocol = self._client.protocol
        if protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        protocol.write(_as_data(mail))
        self._sent = True
        answer = await protocol.read_response()
        if answer.code != aiosmtplib.SMTPStatus.completed:
            raise aiosmtplib.SMTPDataError(answer.code, answer.message)

    def _refused(self, error: aiosmtplib.SMTPResponseException) -> NotDelivered | MaybeDelivered:
        if not 400 <= error.code <= 599:  # not an answer that SMTP knows
            return self._lost(f"the server answered {error.message}")
        about_mail = isinstance(error, aiosmtplib.SMTPRecipientRefused | aiosmtplib.SMTPDataError)
        return NotDelivered(
            without(self._secrets, f"{error.code} {error.message}"),
            permanent=about_mail and error.code >= 500 and error.code not in _WANTS_CREDENTIALS,
            unreachable=not self._may_send,
        )

    def _lost(self, what: str, hint: str = "") -> NotDelivered | MaybeDelivered:
        what = without(self._secrets, what)
        if self._sent:
            return MaybeDelivered(f"{what}, after the mail was sent")
        return NotDelivered(f"{what}, while {self._doing}{hint}", unreachable=not self._may_send)

    def _explained(self, error: Exception) -> str:
        """Return what happened, in the words of the server or of this machine."""
        cause = error.__cause__ or error
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate of {self._server.host} is not valid: {cause.verify_message}"
        if isinstance(error, aiosmtplib.SMTPConnectError) and isinstance(cause, OSError):
            return _said_by_system(cause)
        return str(error).removesuffix(".")

    def _hint_after(self, error: Exception) -> str:
        return self._hint("tls") if isinstance(error.__cause__ or error, ssl.SSLError) else ""

    def _hint(self, encryption: Encryption) -> str:
        """Say what to do if the two kinds of TLS were mixed up."""
        if not self._doing.startswith("connecting") or self._server.encryption != encryption:
            return ""
        other = {"tls": "smtp+starttls", "starttls": "smtps"}[encryption]
        return f" (perhaps mail.url must begin with {other}://)"

    async def _close(self, *, politely: bool) -> None:
        """Disconnect. What became of the mail is known already."""
        if politely:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                async with asyncio.timeout(_GOODBYE):
                    await self._client.quit()
        self._client.close()
        self._client, self._handed_over = self._new_client(), 0


def _said_by_system(error: OSError) -> str:
    """Return why the operating system refused.

    asyncio gives only the number of the reason, and puts the errors of several addresses of a
    host into one text.
    """
    number = _ERRNO.search(str(error))
    return os.strerror(int(number[1])) if number else error.strerror or str(error)


def time_limit() -> asyncio.Timeout:
    """Return the deadline of a conversation."""
    return asyncio.timeout(_PATIENCE)


def _as_data(mail: bytes) -> bytes:
    """Return a mail as DATA has it (RFC 5321 §4.5.2).

    Every line ends with CR LF: with others, a mail could end early for one of two servers, and
    go on with commands of its own (CWE-93, "SMTP smuggling").
    """
    lines = _LINE_END.sub(b"\r\n", mail).removesuffix(b"\r\n")
    return _DOT.sub(b"..", lines) + b"\r\n.\r\n"
