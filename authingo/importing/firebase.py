"""The password hash parameters of a Firebase project, which each of its hashes needs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from authingo import foreign_hashes
from authingo.errors import ConfigError

_PAIR = re.compile(r'"?([a-z0-9_]{1,40})"?\s*[:=]\s*"?([^\s",{}]+)', re.ASCII)
_NAMES = ("base64_signer_key", "base64_salt_separator", "rounds", "mem_cost")
_HINT = "copy them from the Firebase console: Authentication, Users, ⋮, Password hash parameters"


@dataclass(frozen=True, slots=True, repr=False)
class HashConfig:
    """The parameters that all hashes of a project share. The signer key is a secret."""

    signer_key: str
    salt_separator: str
    rounds: str
    mem_cost: str

    @classmethod
    def parse(cls, text: str) -> HashConfig:
        """Read them as the Firebase console shows them, or as JSON with the same names.

        Raises:
            ConfigError: one is missing or not valid, or the extra that verifies such hashes
                is not installed. The message never repeats the text.
        """
        found = dict(_PAIR.findall(text))
        if found.get("algorithm", "SCRYPT") != "SCRYPT":
            raise ConfigError("the algorithm of the hash parameters is not SCRYPT", hint=_HINT)
        if missing := [name for name in _NAMES if name not in found]:
            raise ConfigError(f"the hash parameters have no {', '.join(missing)}", hint=_HINT)
        config = cls(*(found[name] for name in _NAMES))
        example = config.as_hash("c2FsdA==", config.signer_key)  # as long as any real hash
        if extra := foreign_hashes.missing_extra(example):
            raise extra.not_installed()
        if foreign_hashes.recognize(example) is None:
            raise ConfigError(
                "the hash parameters are not Firebase's, or take too much time or memory",
                hint=_HINT,
            )
        return config

    def as_hash(self, salt: str, key: str) -> str:
        """Return one user's hash with everything that verifies it, as Supabase writes it."""
        return (
            f"$fbscrypt$v=1,n={self.mem_cost},r={self.rounds},p=1"
            f",ss={self.salt_separator},sk={self.signer_key}${salt}${key}"
        )
