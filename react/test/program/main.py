"""The back end that the tests of the client talk to: authingo, and a few routes of its own."""

import os
import signal
import sqlite3
import sys
import threading
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.responses import RedirectResponse

from authingo import Auth
from authingo.fastapi import CurrentUser, FreshUser, current_user


def end_with_the_tests() -> None:
    """Whoever started this holds its stdin open: killed tests leave no server behind."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=end_with_the_tests, daemon=True).start()

auth = Auth.from_config()
app = FastAPI(lifespan=auth.lifespan)
auth.install(app)


@app.get("/api/me")
async def me(user: CurrentUser) -> dict[str, str]:
    """Tell who asks."""
    return {"email": user.email}


@app.post("/api/echo", dependencies=[Depends(current_user)])
async def echo(body: dict[str, Any]) -> dict[str, Any]:
    """Take a body that has to arrive whole."""
    return body


@app.get("/api/away")
async def away(to: str) -> RedirectResponse:
    """Lead anywhere, as an open redirect does."""
    return RedirectResponse(to)


@app.get("/api/secret")
async def secret(user: FreshUser) -> dict[str, str]:
    """Tell something to somebody who has proved recently who they are."""
    return {"email": user.email}


@app.post("/test/tire")
def tire() -> None:
    """Let every proof be old, as if an hour had passed."""
    with sqlite3.connect(auth.settings.database_url.removeprefix("sqlite:///")) as database:
        database.execute(
            "UPDATE authingo_sessions SET authenticated_at = authenticated_at - 3600000000"
        )


@app.post("/test/expire")
def expire() -> None:
    """Let the session tokens of everybody be over, as if a quarter of an hour had passed."""
    with sqlite3.connect(auth.settings.database_url.removeprefix("sqlite:///")) as database:
        database.execute("UPDATE authingo_sessions SET expires_at = created_at")


@app.post("/test/age")
def age() -> None:
    """Let the refresh tokens of everybody be over, as if a month had passed."""
    with sqlite3.connect(auth.settings.database_url.removeprefix("sqlite:///")) as database:
        database.execute(
            "UPDATE authingo_sessions SET expires_at = created_at, refresh_expires_at = created_at"
        )
