"""Make a short name from a User-Agent header.

authingo has a table of its own. A library for this has a thousand regular expressions, for
models and versions that no user needs to recognize a session. A client can send any text, so
the name is what it claims to be. Of an unknown client no more than a word is shown.
"""

from __future__ import annotations

import re

# The first that is found counts: most browsers also name those that they are based on.
_BROWSERS = (
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("AppleWebKit/", "WebKit"),  # an app that shows a page
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),  # or "Macintosh", which is what most of them say
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)
_PROGRAM = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,19}(?![A-Za-z0-9._-])")


def short_name(user_agent: str | None) -> str:
    """Name the browser and the system, such as `Firefox, Windows`, or the program.

    What it returns is printable ASCII, whatever it is given.
    """
    text = user_agent or ""
    system = next((name for sign, name in _SYSTEMS if sign in text), "")
    browser = next((name for sign, name in _BROWSERS if sign in text), "")
    if browser:
        return f"{browser}, {system}" if system else browser
    program = _PROGRAM.match(text)
    return program[0] if program else ("unknown" if text else "")
