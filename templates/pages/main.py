"""A FastAPI program whose pages the server renders. README.md says how to run it."""

from pathlib import Path
from typing import Annotated

from authingo import Auth
from authingo.fastapi import (
    FormUser,
    OptionalPageUser,
    PageUser,
    clear_session_cookies,
    from_browser,
    own_form,
)
from fastapi import Depends, FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates

HERE = Path(__file__).parent
HEADERS = {
    "Cache-Control": "no-store",  # the Back button must not show a page after signing out
    # Scripts: none. Styles, pictures and forms of this server only.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

auth = Auth.from_config()  # authingo.toml and AUTHINGO_* variables
app = FastAPI(title="My application", lifespan=auth.lifespan)
auth.install(app)  # the routes at /api/auth, and the ready-made pages at /auth
app.mount("/static", StaticFiles(directory=HERE / "static"))
templates = Jinja2Templates(HERE / "templates")
notes: dict[str, list[str]] = {}  # by user, as long as the program runs: here comes your database


def page(request: Request, name: str, **values: object) -> Response:
    return templates.TemplateResponse(request, name, values, headers=HEADERS)


@app.get("/")
async def home(request: Request, user: OptionalPageUser) -> Response:
    """Show everybody the same page; it greets who is signed in."""
    return page(request, "home.html", user=user)


@app.get("/notes")
async def notes_page(request: Request, user: PageUser) -> Response:
    """Show users their own notes. Strangers sign in first, and come back."""
    return page(request, "notes.html", user=user, notes=notes.get(user.id, []))


@app.post("/notes")
async def add_note(user: FormUser, text: Annotated[str, Form(max_length=500)]) -> Response:
    """Take a form of this server's own pages; those of other sites are refused."""
    notes.setdefault(user.id, []).append(text)
    return RedirectResponse("/notes", status_code=303)


@app.post("/sign-out", dependencies=[Depends(own_form)])
async def sign_out(request: Request) -> Response:
    """End the session of this browser."""
    browser = from_browser(request)
    await auth.sign_out(browser["session_token"], client=browser["client"])
    response = RedirectResponse("/", status_code=303)
    clear_session_cookies(response, request=request)
    return response
