"""Guess which system wrote a file, to detect a wrong `--from` before anything is stored."""

from __future__ import annotations

from collections.abc import Iterable

_SIGNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    # The first entry with all its names in the file counts, so the most specific ones come first.
    ("firebase", ("localid",)),
    ("pocketbase", ("tokenkey",)),
    ("aspnet", ("normalizedemail",)),
    ("wordpress", ("user_pass",)),
    ("wordpress", ("user_login", "user_email")),
    ("keycloak", ("createdtimestamp",)),
    ("keycloak", ("username", "credentials")),
    ("django", ("model", "fields")),
    ("django", ("is_superuser", "date_joined")),
    ("fastapi-users", ("hashed_password", "is_superuser")),
    ("supabase", ("raw_user_meta_data",)),
    ("Rails", ("password_digest",)),
    ("Rails", ("encrypted_password", "reset_password_token")),
    ("Laravel", ("remember_token", "email_verified_at")),
    ("better-auth", ("emailverified", "createdat")),
    ("auth0", ("passwordhash", "email_verified")),
    ("auth0", ("user_id", "identities")),
    ("authingo", ("password_hash", "email_verified", "disabled_at")),
)


def looks_like(names: Iterable[str]) -> str | None:
    """Return the system whose field names these are, if any.

    A system with a capital letter, such as Rails, has no `--from`.
    """
    there = {name.lower() for name in names}
    return next((system for system, signs in _SIGNS if there.issuperset(signs)), None)
