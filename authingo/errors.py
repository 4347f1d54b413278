"""What can go wrong, as plain exceptions.

Each class has a stable `code` for programs, an HTTP `status` and a `message` for people: the first
paragraph of its docstring, unless the code that raises the error passes another one. If someone can
fix the cause, it has a `hint`. Other facts are attributes.

    AuthError
    ├── RequestRefused            the request itself is refused, before it is understood
    │   ├── NotFound              404 not_found
    │   ├── MethodNotAllowed      405 method_not_allowed   .allow
    │   ├── MissingClientHeader   403 missing_client_header
    │   ├── OriginNotAllowed      403 origin_not_allowed
    │   ├── HeadersTooLarge       431 headers_too_large
    │   ├── UnsupportedMediaType  415 unsupported_media_type
    │   ├── BodyTooLarge          413 body_too_large
    │   ├── RequestTimeout        408 request_timeout
    │   └── InvalidJSON           400 invalid_json
    ├── Refused                   your own code and status
    ├── InvalidInput              422 invalid_input        .fields
    ├── SignUpClosed              403 sign_up_closed
    ├── EmailTaken                409 email_taken
    ├── NoSuchUser                404 not_found
    ├── UserReferenced            409 user_referenced      .table, .column, .constraint
    ├── NoSuchSession             404 not_found
    ├── InvalidCredentials        401 invalid_credentials
    ├── WrongPassword             403 wrong_password
    ├── ReauthenticationRequired  403 reauthentication_required  .methods
    ├── NoSession                 401 no_session
    ├── SessionExpired            401 session_expired
    ├── RefreshReused             401 refresh_reused
    ├── TooManyRequests           429 too_many_requests    .retry_after
    ├── Busy                      503 busy                 .retry_after
    ├── StoreUnavailable          503 store_unavailable    .retry_after
    │   ├── NoDatabase            there is no database yet
    │   ├── SchemaBehind          `authingo migrate` has not run
    │   └── SchemaUnsupported     newer than this program, or altered
    └── ConfigError               settings that cannot work
"""

from __future__ import annotations

import inspect
import re
from typing import ClassVar

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


class AuthError(Exception):
    """Authentication failed."""

    code: str = "auth_error"
    status: int = 400
    hint: str | None = None

    def __init__(self, message: str | None = None, *, hint: str | None = None) -> None:
        self.message = message or inspect.cleandoc(type(self).__doc__ or "").split("\n\n")[0]
        if hint is not None:
            self.hint = hint
        super().__init__(self.message)

    @property
    def explained(self) -> str:
        """The message and the hint on one line, for a log. Browsers never see database hints."""
        return f"{self.message} ({self.hint})" if self.hint else self.message


class RequestRefused(AuthError):
    """The request was refused before it was understood."""


class NotFound(RequestRefused):
    """There is nothing at this address."""

    code = "not_found"
    status = 404


class InvalidToken(AuthError):
    """The link or code is not valid: wrong, used, expired, or replaced. Ask for a new one."""

    code = "invalid_token"
    status = 400


class PasswordRequired(AuthError):
    """The link shows that the mailbox is yours. Send the password of the account with it."""

    code = "password_required"
    status = 403


class MethodNotAllowed(RequestRefused):
    """This address does not answer that method."""

    code = "method_not_allowed"
    status = 405

    def __init__(self, allow: str) -> None:
        super().__init__()
        self.allow = allow


class MissingClientHeader(RequestRefused):
    """The request needs the header X-Authingo-Client, sent once, with the value true."""

    code = "missing_client_header"
    status = 403


class OriginNotAllowed(RequestRefused):
    """This page's origin is neither public_url nor in trusted_origins; the log names it."""

    code = "origin_not_allowed"
    status = 403


class HeadersTooLarge(RequestRefused):
    """The headers of the request are larger than 64 KiB: often a browser has too many cookies."""

    code = "headers_too_large"
    status = 431


class UnsupportedMediaType(RequestRefused):
    """The body must be application/json in UTF-8."""

    code = "unsupported_media_type"
    status = 415


class BodyTooLarge(RequestRefused):
    """The body is too large."""

    code = "body_too_large"
    status = 413


class RequestTimeout(RequestRefused):
    """The body took too long to arrive."""

    code = "request_timeout"
    status = 408


class InvalidJSON(RequestRefused):
    """The body is not valid JSON."""

    code = "invalid_json"
    status = 400


class Refused(AuthError):
    """The application refuses this.

    A hook raises it: nothing happens, and the browser gets its code and message.
    """

    code = "refused"
    status = 403
    _OF_CLIENT = ("no_session", "session_expired", "refresh_reused")

    def __init__(self, code: str, message: str, status: int = 403) -> None:
        """Say why.

        Args:
            code: for programs: lower-case ASCII letters, digits and underscores, 64 at most.
            message: for people; everybody who is refused reads it.
            status: of the HTTP answer, 400 to 499.

        Raises:
            ValueError: code or status is none of these, or the code is one that makes the client
                believe that its session has ended.
        """
        if not _CODE.fullmatch(code) or code in self._OF_CLIENT:
            raise ValueError(f"Refused: the code must match {_CODE.pattern} and be your own")
        if not 400 <= status <= 499:
            raise ValueError("Refused: the status must be 400 to 499")
        super().__init__(message)
        self.code, self.status = code, status


class InvalidInput(AuthError):
    """Some of the input is not valid.

    `fields` maps the name of a field to what is wrong with it. Neither repeats what was sent.
    """

    code = "invalid_input"
    status = 422

    def __init__(self, fields: dict[str, str], message: str | None = None) -> None:
        super().__init__(message)
        self.fields = fields

    def __str__(self) -> str:
        problems = "; ".join(f"{field} {problem}" for field, problem in self.fields.items())
        return f"{self.message} {problems}".rstrip()


class SignUpClosed(AuthError):
    """Sign-up is closed."""

    code = "sign_up_closed"
    status = 403


class EmailTaken(AuthError):
    """There is already an account with this email."""

    code = "email_taken"
    status = 409


class NoSuchUser(AuthError):
    """There is no such user."""

    code = "not_found"
    status = 404
    hint = "`authingo users list --search` finds users by a part of the email or the name"


class UserReferenced(AuthError):
    """Rows of another table refer to this user, who therefore cannot be deleted.

    `table` (with its schema on PostgreSQL), `column` and `constraint` are what the database
    reports, or None. For a foreign key, PostgreSQL reports no column, and SQLite no constraint.
    """

    code = "user_referenced"
    status = 409
    hint = (
        "delete those rows first, or declare the foreign key ON DELETE CASCADE or SET NULL "
        "(docs/your-tables.md)"
    )

    def __init__(
        self, table: str | None = None, *, column: str | None = None, constraint: str | None = None
    ) -> None:
        self.table, self.column, self.constraint = table, column, constraint
        known = (("column", column), ("constraint", constraint))
        named = ", ".join(f"{what} {name}" for what, name in known if name)
        super().__init__(
            f"the table {table} refers to this user{f' ({named})' if named else ''}"
            if table
            else None
        )


class NoSuchSession(AuthError):
    """There is no such session: it has ended, or never existed."""

    code = "not_found"
    status = 404
    hint = "`authingo sessions list` shows all sessions"


class InvalidCredentials(AuthError):
    """The email or the password is wrong."""

    code = "invalid_credentials"
    status = 401


class EmailNotVerified(AuthError):
    """The address is not verified: open the link in the mail that was sent to it.

    `pending` is the value of the cookie by which this browser is recognized when the link is opened
    in it. It is a secret, and no part of the message.
    """

    code = "email_not_verified"
    status = 403

    def __init__(self, message: str | None = None, *, pending: str | None = None) -> None:
        super().__init__(message)
        self.pending = pending


class WrongPassword(AuthError):
    """The current password is wrong."""

    code = "wrong_password"
    status = 403


class Forbidden(AuthError):
    """You may not do this."""

    code = "forbidden"
    status = 403


class ReauthenticationRequired(AuthError):
    """This needs a recent authentication: prove again who you are.

    `methods` are those by which the user can do that, such as `("password",)`. It is empty if
    there is none.
    """

    code = "reauthentication_required"
    status = 403

    def __init__(self, methods: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.methods = methods


class NoSession(AuthError):
    """There is no session: sign in."""

    code = "no_session"
    status = 401


class SessionExpired(AuthError):
    """The session has expired: refresh it, or sign in again."""

    code = "session_expired"
    status = 401


class RefreshReused(AuthError):
    """A refresh token was used twice, so the session was ended: sign in again."""

    code = "refresh_reused"
    status = 401


def _in_words(seconds: int) -> str:
    """Describe a wait, rounded up: "1 second", "59 seconds", "15 minutes"."""
    number, unit = (seconds, "second") if seconds < 60 else (-(-seconds // 60), "minute")
    return f"{number} {unit}{'' if number == 1 else 's'}"


class TooManyRequests(AuthError):
    """Too many attempts: try again later."""

    code = "too_many_requests"
    status = 429

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Too many attempts: try again in {_in_words(retry_after)}.")
        self.retry_after = retry_after  # seconds


class Busy(AuthError):
    """Too many requests at once: try again shortly."""

    code = "busy"
    status = 503
    retry_after: ClassVar[int] = 2  # seconds


class StoreUnavailable(AuthError):
    """The database does not answer: try again shortly."""

    code = "store_unavailable"
    status = 503
    retry_after: ClassVar[int] = 2  # seconds


class NoDatabase(StoreUnavailable):
    """There is no database yet."""

    hint = "run `authingo migrate` to create it"


class SchemaBehind(StoreUnavailable):
    """The database schema is older than this program."""

    hint = "run `authingo migrate`"


class SchemaUnsupported(StoreUnavailable):
    """The database schema does not match this program."""

    hint = "run a newer authingo, or restore the schema that this version needs"


class ConfigError(AuthError):
    """The configuration cannot work."""

    code = "invalid_config"
    status = 500


class NoSuchMail(AuthError):
    """There is no such mail among those that failed."""

    code = "not_found"
    status = 404
    hint = "`authingo mail list --failed` shows them"


class MailNotSent(AuthError):
    """The mail server does not take any mail."""

    code = "mail_not_sent"
    status = 503
