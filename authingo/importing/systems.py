"""What the user tables of other systems look like, and what their columns mean here.

Each function below is one system. It reads the names that the system's own table or
export has; docs/import.md says how to get the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from authingo.foreign_hashes.pbkdf2s import ASPNET_TAG
from authingo.importing.fields import Fields, Found, WrongFields, moment
from authingo.importing.firebase import HashConfig
from authingo.importing.keycloak import hash_of_credentials


@dataclass(frozen=True, slots=True)
class Context:
    """What is needed besides the file. `hash_config` is only for `firebase`."""

    now: datetime
    hash_config: HashConfig | None = None


_OWN = frozenset(
    {
        "id",
        "profile",
        "email",
        "name",
        "email_verified",
        "created_at",
        "updated_at",
        "disabled_at",
        "password_hash",
        "roles",
        "delete_at",
    }
)
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")
_REDACTED = "UkVEQUNURUQ="
_OBJECT_ID = re.compile(r"[0-9a-f]{24}", re.ASCII)


def authingo(fields: Fields, _: Context) -> Found:
    """Read what `authingo users export` writes, exactly, and nothing else.

    It may have no hashes. So a file with fields of another system is refused; otherwise forgetting
    `--from` would import its users without their passwords.
    """
    fields.refuse_others_than(_OWN)
    texts = [fields.text("id"), fields.email("email"), fields.text("name")]
    texts.append(fields.text("password_hash"))
    if fields.in_columns:  # where a text that begins like a formula has a quote before it
        texts = [text[bool(_ESCAPED.match(text)) :] for text in texts]
    user_id, email, name, password = texts
    disabled_at = fields.time("disabled_at")
    return Found(
        id=user_id or None,
        email=email,
        name=name,
        password=password or None,
        verified=fields.flag("email_verified"),
        disabled=disabled_at is not None,
        disabled_at=disabled_at,
        created_at=fields.time("created_at"),
        updated_at=fields.time("updated_at"),
        roles=fields.words("roles"),
        delete_at=fields.time("delete_at"),
        profile=fields.mapping("profile"),
    )


def authingo_go(fields: Fields, _: Context) -> Found:
    """Read the table `users` of AuthInGo, the framework in Go."""
    return Found(
        email=fields.email("email"),
        name=fields.text("name"),
        password=fields.hash("password_hash"),
        verified=fields.flag("email_verified"),
        created_at=fields.time("created_at"),
        updated_at=fields.time("updated_at"),
    )


def better_auth(fields: Fields, context: Context) -> Found:
    """Read `user` joined with the password of its `account`; adapters may write snake case."""
    banned = fields.flag("banned")
    lasts = fields.lasts("banExpires", "ban_expires", now=context.now, without_end=True)
    return Found(
        email=fields.email("email"),
        name=fields.text("name"),
        password=fields.hash("password"),
        verified=fields.flag("emailVerified", "email_verified"),
        disabled=banned and lasts,
        created_at=fields.time("createdAt", "created_at"),
        updated_at=fields.time("updatedAt", "updated_at"),
    )


def django(fields: Fields, _: Context) -> Found:
    """Read `auth_user` or a custom user model, from a table or from dumpdata."""
    if fields.has("model") and fields.has("fields"):
        fields = fields.inner("fields")
    password = fields.hash("password")
    if password is not None and password.startswith("!"):
        password = None  # Django's "unusable password"
    return Found(
        email=fields.email("email"),
        name=f"{fields.text('first_name')} {fields.text('last_name')}".strip()
        or fields.text("name", "username"),
        password=password,
        verified=fields.flag("email_verified"),  # not a column of Django; an export may add it
        disabled=not fields.flag("is_active", default=True),
        created_at=fields.time("date_joined"),
    )


def fastapi_users(fields: Fields, _: Context) -> Found:
    """Read the table `user` of fastapi-users, with a name and times that a program may add."""
    return Found(
        email=fields.email("email"),
        name=fields.text("name", "full_name"),
        password=fields.hash("hashed_password"),
        verified=fields.flag("is_verified"),
        disabled=not fields.flag("is_active", default=True),
        created_at=fields.time("created_at"),
        updated_at=fields.time("updated_at"),
    )


def pocketbase(fields: Fields, _: Context) -> Found:
    """Read an auth collection's table. Before PocketBase 0.23 `password` was `passwordHash`."""
    return Found(
        email=fields.email("email"),
        name=fields.text("name") or fields.text("username"),
        password=fields.hash("password", "passwordHash"),
        verified=fields.flag("verified"),
        created_at=fields.time("created"),
        updated_at=fields.time("updated"),
    )


def supabase(fields: Fields, context: Context) -> Found:
    """Read the table `auth.users`."""
    about = fields.inner("raw_user_meta_data")
    banned = fields.lasts("banned_until", now=context.now, without_end=False)
    return Found(
        email=fields.email("email"),
        name=about.text("full_name") or about.text("name"),
        password=fields.hash("encrypted_password"),
        verified=fields.time("email_confirmed_at") is not None,
        disabled=banned or fields.time("deleted_at") is not None,
        created_at=fields.time("created_at"),
        updated_at=fields.time("updated_at"),
    )


def auth0(fields: Fields, _: Context) -> Found:
    """Read the password hashes that Auth0's support exports, or those joined with profiles."""
    known = next((it for it in fields.items("identifiers") if it.text("type") == "email"), None)
    email = fields.text("email") or (known.text("value") if known else "")
    if not email:
        raise WrongFields("missing_field", "has no field email")
    object_id = fields.inner("_id").text("$oid")
    made = moment(int(object_id[:8], 16)) if _OBJECT_ID.fullmatch(object_id) else None
    name = fields.text("name")
    return Found(
        email=email,
        name="" if name == email else name,  # Auth0's name for users without one
        password=fields.hash("passwordHash"),
        verified=fields.flag("email_verified") or bool(known and known.flag("verified")),
        disabled=fields.flag("blocked"),
        created_at=fields.time("created_at") or made,
        updated_at=fields.time("updated_at"),
    )


def firebase(fields: Fields, context: Context) -> Found:
    """Read what `firebase auth:export users.json` writes.

    Users without a password have neither `passwordHash` nor `salt`. The hash of a user who was
    imported into Firebase and has not signed in since is empty. If the exporting account may
    not see hashes, every hash is the word REDACTED in Base64.
    """
    if fields.in_columns:
        raise WrongFields("missing_field", "has no header: export JSON, auth:export users.json")
    key, salt = fields.text("passwordHash"), fields.text("salt")
    if key == _REDACTED:
        raise WrongFields(
            "missing_field",
            "has passwordHash withheld: export as a user with the permission"
            " firebaseauth.configs.getHashConfig",
        )
    config = context.hash_config
    return Found(
        email=fields.text("email"),
        name=fields.text("displayName"),
        password=config.as_hash(salt, key) if config and key else None,
        verified=fields.flag("emailVerified"),
        disabled=fields.flag("disabled"),
        created_at=fields.time("createdAt"),
    )


def keycloak(fields: Fields, _: Context) -> Found:
    """Read a user of a realm's export, not of its REST API, which has no hashes."""
    if fields.has("realm"):
        raise WrongFields("missing_field", "is a realm without its users: kc.sh export has them")
    if not fields.has("credentials"):
        raise WrongFields("missing_field", "has no field credentials")
    return Found(
        email=fields.text("email"),
        name=f"{fields.text('firstName')} {fields.text('lastName')}".strip()
        or fields.text("username"),
        password=hash_of_credentials(fields.items("credentials")),
        verified=fields.flag("emailVerified"),
        disabled=not fields.flag("enabled", default=True),
        created_at=fields.time("createdTimestamp"),
    )


def wordpress(fields: Fields, _: Context) -> Found:
    """Read the table `wp_users`. `spam` and `deleted` exist only in a network of sites."""
    registered = fields.text("user_registered")
    return Found(
        email=fields.email("user_email"),
        name=fields.text("display_name") or fields.text("user_login"),
        password=fields.hash("user_pass"),
        verified=fields.flag("email_verified"),  # not a column of WordPress
        disabled=fields.flag("spam") or fields.flag("deleted"),
        created_at=None if registered.startswith("0000-") else fields.time("user_registered"),
    )


def aspnet(fields: Fields, context: Context) -> Found:
    """Read the table `AspNetUsers` of ASP.NET Core Identity.

    After wrong passwords a user is locked out for some minutes, and a disabled user is locked
    out for years. So a lockout of more than a day means disabled.
    """
    password = fields.hash("PasswordHash")
    if password and not password.startswith("$"):
        password = ASPNET_TAG + password
    tomorrow = context.now + timedelta(days=1)
    return Found(
        email=fields.email("Email"),
        name=fields.text("Name", "FullName"),
        password=password,
        verified=fields.flag("EmailConfirmed"),
        disabled=fields.flag("LockoutEnabled", default=True)
        and fields.lasts("LockoutEnd", now=tomorrow, without_end=False),
        created_at=fields.time("CreatedAt"),
    )


System = Callable[[Fields, Context], Found]
SYSTEMS: dict[str, System] = {
    "aspnet": aspnet,
    "auth0": auth0,
    "authingo": authingo,
    "authingo-go": authingo_go,
    "better-auth": better_auth,
    "django": django,
    "fastapi-users": fastapi_users,
    "firebase": firebase,
    "keycloak": keycloak,
    "pocketbase": pocketbase,
    "supabase": supabase,
    "wordpress": wordpress,
}
