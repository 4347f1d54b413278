"""`authingo cookies inspect` on the cookies of what a browser has begun."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from authingo import Auth
from authingo.config import settings_from
from authingo.http.cookies import Cookies
from authingo.mail.sign_in_codes import SignInCodes
from authingo.tokens import BrowserToken
from tests.command import Runner

SITE = "https://app.example.com"


@pytest.fixture
def mail(tmp_path: Path) -> dict[str, object]:
    return {"url": f"file://{tmp_path}/mail", "from": "no-reply@example.com", "email_code": True}


def test_it_says_what_the_browser_has_begun(authingo: Runner, mail: dict[str, object]) -> None:
    """Until it signs out. No part of the value is shown."""
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    settings = settings_from({"database_url": url, "public_url": SITE, "mail": mail})
    variables = {f"AUTHINGO_MAIL__{name.upper()}": str(value) for name, value in mail.items()}
    variables |= {"AUTHINGO_PUBLIC_URL": SITE, "AUTHINGO_MAIL__EMAIL_CODE": "true"}
    cookies = Cookies(settings)

    def inspect(value: str) -> tuple[str, str]:
        header = cookies.write_one(cookies.ceremony, value)[-1]
        shown = [
            authingo("cookies", "inspect", *options, stdin=f"Set-Cookie: {header}", **variables)
            for options in ((), ("--json", "-"))
        ]
        assert not [one for one in shown if value[:12] in one.out + one.err]
        (cookie,) = shown[1].json["cookies"]
        assert (cookie["kind"], cookie["problems"]) == ("ceremony", [])
        assert "ceremony cookie" in shown[0].out
        return cookie["state"], shown[0].out

    async def begin() -> str:
        auth = Auth(settings)
        await auth.open()
        value = await auth.capability(SignInCodes).request(email="ada@example.com")
        await auth.close()
        return value

    async def sign_out(value: str) -> None:
        auth = Auth(settings)
        await auth.sign_out(None, ceremony=value)
        await auth.close()

    value = asyncio.run(begin())
    state, page = inspect(value)
    assert (state, "it finds a sign_in_code, for " in page) == ("active", True)
    asyncio.run(sign_out(value))
    assert inspect(value)[0] == "unknown"
    assert inspect(str(BrowserToken.generate()))[0] == "unknown"
