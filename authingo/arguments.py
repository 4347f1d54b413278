"""Check what programs pass to Auth: users and sessions by id, and mistakes in the program.

A value of a wrong type raises a TypeError at the call. Otherwise it would reach the database,
which would refuse it, and look like a database failure.
"""

from __future__ import annotations

import ipaddress

from authingo import inputs
from authingo.errors import InvalidInput, NoSuchSession, NoSuchUser
from authingo.ids import is_id
from authingo.models import Client, Session, User

LARGEST_PAGE = 1000  # rows that one call returns


def wrong_type(name: str, value: object, expected: str) -> TypeError:
    """Make the error about an argument. It does not repeat the value, which may be a password."""
    return TypeError(f"{name} must be {expected}, not {type(value).__name__}")


def require_text(**given: object) -> None:
    """Raise TypeError unless each is a str."""
    for name, value in given.items():
        if not isinstance(value, str):
            raise wrong_type(name, value, "a str")


def require_text_or_none(**given: object) -> None:
    """Raise TypeError unless each is a str or None."""
    require_text(**{name: value for name, value in given.items() if value is not None})


def require_count(**given: object) -> None:
    """Raise TypeError unless each is an int, and ValueError unless it is 1 or more."""
    for name, value in given.items():
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong_type(name, value, "an int")
        if value < 1:
            raise ValueError(f"{name} must be 1 or more")


def require_client(client: object) -> None:
    """Raise TypeError unless it is a Client of strings, ValueError if `ip` is not an address."""
    if not isinstance(client, Client):
        raise wrong_type("client", client, "an authingo.Client")
    require_text_or_none(
        client_ip=client.ip,
        client_user_agent=client.user_agent,
        client_language=client.language,
    )
    if client.ip is not None:
        try:
            ipaddress.ip_address(client.ip)
        except ValueError:
            raise ValueError("client.ip must be an IP address without a port, or None") from None


def user_id(user: User | str) -> str:
    """Return the id of a user who is given as a User or by id.

    Raises:
        NoSuchUser: it cannot be a user's id; it may be an email.
        TypeError: it is neither.
    """
    if isinstance(user, User):
        return user.id
    if not isinstance(user, str):
        raise wrong_type("user", user, "an authingo.User or the id of one")
    if not is_id(user, "usr_"):
        raise NoSuchUser("that is not the id of a user", hint="find_user finds one by email")
    return user


def session_id(session: Session | str, name: str = "session") -> str:
    """Return the id of a session that is given as a Session or by id; `name` is the argument's
    name.

    Raises:
        NoSuchSession: no session can have that id.
        TypeError: it is neither.
    """
    if isinstance(session, Session):
        return session.id
    if not isinstance(session, str):
        raise wrong_type(name, session, "an authingo.Session or the id of one")
    if not is_id(session, "ses_"):
        raise NoSuchSession
    return session


def problem_with_limit(limit: object) -> str | None:
    """Say what is wrong with the size of a page, which may come from a query.

    Raises:
        TypeError: it is not an int.
    """
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise wrong_type("limit", limit, "an int")
    return None if 1 <= limit <= LARGEST_PAGE else f"must be 1 to {LARGEST_PAGE}"


def problem_with_search(search: str | None) -> str | None:
    """Say what is wrong with a search text.

    Raises:
        TypeError: it is not a str.
    """
    require_text_or_none(search=search)
    text = search or ""
    if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
        return "contains a character that databases cannot search for"
    if len(text) > inputs.MAX_EMAIL:
        return f"must be at most {inputs.MAX_EMAIL} characters: no email and no name is longer"
    return None


def refuse(fields: dict[str, str | None]) -> None:
    """Raise InvalidInput if anything is wrong with any of them."""
    if wrong := {name: problem for name, problem in fields.items() if problem}:
        raise InvalidInput(wrong)
