"""Read the credentials in an export of a Keycloak realm, which has JSON inside of texts."""

from __future__ import annotations

from authingo.importing.fields import Fields, Refused

_PBKDF2 = {
    "pbkdf2": "$pbkdf2$",
    "pbkdf2-sha256": "$pbkdf2-sha256$",
    "pbkdf2-sha512": "$pbkdf2-sha512$",
}
_ARGON2_VERSIONS = {"1.0": 16, "1.3": 19}


def hash_of_credentials(credentials: list[Fields]) -> str | None:
    """Return the hash of the password among a user's credentials, in the usual notation.

    Return None if the user has no password.

    Raises:
        Refused: there is a password, but no hash of it.
    """
    found = next((each for each in credentials if each.text("type") == "password"), None)
    if found is None:
        return None
    how, secret = found.inner("credentialData"), found.inner("secretData")
    value, salt = secret.text("value"), secret.text("salt")
    if not value:
        raise Refused(
            "missing_field", "has a password without secretData: a realm's export has the hash"
        )
    algorithm, rounds = how.text("algorithm"), how.text("hashIterations")
    if algorithm in _PBKDF2:
        return f"{_PBKDF2[algorithm]}{rounds}${_bare(salt)}${_bare(value)}"
    if algorithm == "argon2":
        more = how.inner("additionalParameters")
        version = _ARGON2_VERSIONS.get(more.first("version"))
        costs = f"m={more.first('memory')},t={rounds},p={more.first('parallelism')}"
        return f"$argon2{more.first('type')}$v={version}${costs}${_bare(salt)}${_bare(value)}"
    return value  # from an extension; it may be of a known kind, such as `$2a$…`


def _bare(base64: str) -> str:
    return "".join(base64.split()).rstrip("=")
