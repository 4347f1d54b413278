"""Firebase's own scrypt: `$fbscrypt$v=1,n=14,r=8,p=1,ss=…,sk=…$salt$key`.

That is how Supabase writes it: `n` is the logarithm of N, `ss` the salt separator and
`sk` the signer key of the Firebase project, all in Base64. scrypt of the password, with
the salt and the separator, gives a key of AES-256 in counter mode; the hash is the signer
key encrypted with it (github.com/firebase/scrypt).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from functools import partial

from authingo.foreign_hashes import scrypts
from authingo.foreign_hashes.scheme import Extra, Scheme, blanked, compiled, decoded


def _read(stored: re.Match[str]) -> Callable[[str], bool] | None:
    cost = 2 ** int(stored["n"]), int(stored["r"]), int(stored["p"])
    salt = decoded(stored["salt"]) + decoded(stored["separator"])
    signer, key = decoded(stored["signer"]), decoded(stored["key"])
    if not signer or len(signer) != len(key):  # which encryption in counter mode keeps
        raise ValueError
    return partial(_matches, cost, salt, signer, key) if scrypts.is_affordable(*cost) else None


def _matches(
    cost: tuple[int, int, int], salt: bytes, signer: bytes, key: bytes, password: str
) -> bool:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415

    derived = scrypts.derive(password, salt, cost, 32)
    encryptor = Cipher(algorithms.AES(derived), modes.CTR(bytes(16))).encryptor()
    return hmac.compare_digest(encryptor.update(signer) + encryptor.finalize(), key)


SCHEMES = (
    Scheme(
        "firebase",
        compiled(
            r"\$fbscrypt\$v=1,n=(?P<n>[1-9]\d?),r=(?P<r>[1-9]\d{0,3}),p=(?P<p>[1-9]\d{0,3}),"
            r"ss=(?P<separator>[A-Za-z0-9+/]{0,64}={0,2}),sk=(?P<signer>[A-Za-z0-9+/]{22,172}={0,2})"
            r"\$(?P<salt>[A-Za-z0-9+/]{1,172}={0,2})\$(?P<key>[A-Za-z0-9+/]{22,172}={0,2})"
        ),
        _read,
        lambda stored: 2 ** int(stored["n"]) * int(stored["r"]) * int(stored["p"]),
        blanked("A", "separator", "signer", "salt", "key"),
        extra=Extra("firebase", "cryptography", "cryptography"),
    ),
)
