"""The rules for input: an email, a name, a new password, and a password to be checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authingo import arguments, inputs, passwords

if TYPE_CHECKING:
    from authingo.config import PasswordSettings

BAD_EMAIL = "is not an email address"
BAD_NAME = "must be 1 to 200 characters on one line"


def accept_user(
    rules: PasswordSettings, *, email: str, password: str | None, name: str
) -> tuple[str, str]:
    """Return email and name as they are stored.

    Raises:
        InvalidInput: with each of the three that is not valid, and what is wrong with it.
    """
    normalized, cleaned = inputs.normalize_email(email), inputs.clean_name(name)
    problem = None
    if password is not None:
        problem = _problem(rules, password, email=normalized or "")
    arguments.refuse(
        {
            "email": BAD_EMAIL if normalized is None else None,
            "name": BAD_NAME if cleaned is None else None,
            "password": problem,
        }
    )
    assert normalized is not None and cleaned is not None  # noqa: S101, PT018 - refused above
    return normalized, cleaned


def require_password(rules: PasswordSettings, password: str, *, email: str, field: str) -> None:
    """Refuse a new password that the policy does not accept.

    Raises:
        InvalidInput: it maps this field to what is wrong.
    """
    arguments.refuse({field: _problem(rules, password, email=email)})


def refuse_sizes(**tried: str) -> None:
    """Refuse an email or a password that is too short or too long to be checked.

    Raises:
        InvalidInput: with each field that is too short or too long.
    """
    problem = f"must be 1 to {inputs.MAX_TRIED} characters"
    right = range(1, inputs.MAX_TRIED + 1)
    arguments.refuse(
        {name: None if len(text) in right else problem for name, text in tried.items()}
    )


def _problem(rules: PasswordSettings, password: str, *, email: str) -> str | None:
    return passwords.problem_with(password, email=email, min_length=rules.min_length)
