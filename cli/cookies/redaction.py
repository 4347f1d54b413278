"""Show no part of a token, even if a mistake put it where a name or an attribute should be."""

from __future__ import annotations

import re
from dataclasses import replace

from ..browsers.rules import Problem

_RUN = re.compile(r"[A-Za-z0-9_-]{20,}")
_LONGEST_SHOWN = 1024  # characters of a name, an attribute or a problem


def without_tokens(text: str) -> str:
    """Remove what could be a token or a part of one from a name or an attribute.

    One gets there by mistake: pasted as `TOKEN=`, or cut in two by a semicolon
    (OWASP ASVS 5.0 V16.2.5, CWE-532).
    """
    text = _RUN.sub(_without_token, text)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."


def problem_without_tokens(problem: Problem) -> Problem:
    """Remove tokens from a problem and its fix."""
    text, fix = without_tokens(problem.text), without_tokens(problem.fix)
    return replace(problem, text=text, fix=fix)


def _without_token(run: re.Match[str]) -> str:
    text = run[0]
    mixed = text.lower() != text and text.upper() != text and any(map(str.isdigit, text))
    return f"[{len(text)} characters]" if mixed or len(text) >= 40 else text
