"""Generated applications answer with guards as they would with plain dependencies.

Each seed is a program: how its routes are declared, what stands around them, what changes
while it serves, and who asks. It is built twice, with the guards and with dependencies that
do nothing but read the request and ask `auth.resume` of an `Auth` that remembers nothing.
Status, body, and the order in which everything else ran must be the same. A seed that fails
is in the message. AUTHINGO_TEST_SECONDS=600 tries more of them than the usual few seconds do.
"""

# No `from __future__ import annotations`: the annotations of the routes are made here.
import asyncio
import inspect
import itertools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request, Response, Security
from fastapi.dependencies.utils import get_parameterless_sub_dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from authingo import Auth
from authingo.config import settings_from
from authingo.errors import MissingClientHeader, NoSession, OriginNotAllowed
from authingo.fastapi import (
    current_session,
    current_user,
    form_user,
    fresh_user,
    optional_page_user,
    optional_user,
    page_user,
)
from authingo.models import UserAndSession
from tests.database import age_sessions

OWN = "https://app.example.com"
KINDS = ["user", "session", "optional", "page", "optional_page", "form", "fresh"]
FORM = "A form of this address is accepted from its own pages only."
Kit = dict[str, Any]  # the dependency of each kind
Answered = tuple[int, bytes, tuple[str, ...]]  # status, body, and what ran

GUARDS: Kit = {
    "user": current_user,
    "session": current_session,
    "optional": optional_user,
    "page": page_user,
    "optional_page": optional_page_user,
    "form": form_user,
    "fresh": fresh_user,
}


def plain_dependencies(auth: Auth) -> Kit:  # noqa: C901 - one of each kind
    """The same as the guards, as somebody would write it who has never seen them."""

    async def asked(
        request: HTTPConnection, *, waives: bool, recent: bool = False
    ) -> UserAndSession:
        waived = waives and request.scope["method"] in {"GET", "HEAD"}
        if request.headers.getlist("x-authingo-client") != ["true"] and not waived:
            raise MissingClientHeader
        origins = request.headers.getlist("origin")
        fetch = [request.headers.get(f"sec-fetch-{name}") for name in ("site", "mode", "dest")]
        into_the_window = waived and fetch[1:] == ["navigate", "document"]
        if origins not in ([], [OWN]):
            raise OriginNotAllowed
        if not origins and fetch[0] == "cross-site" and not into_the_window:
            raise OriginNotAllowed
        return await found(request, recent=recent)

    async def found(request: HTTPConnection, *, recent: bool = False) -> UserAndSession:
        pairs = [pair.strip() for pair in request.headers.get("cookie", "").split(";")]
        own = [pair for pair in pairs if pair.startswith("authingo_session=")]
        token = own[0].partition("=")[2] if len(own) == 1 else None
        return await (auth.require_recent(token) if recent else auth.resume(token))

    async def user(request: HTTPConnection) -> Any:
        return (await asked(request, waives=False)).user

    async def session(request: HTTPConnection) -> Any:
        return (await asked(request, waives=False)).session

    async def fresh(request: HTTPConnection) -> Any:
        return (await asked(request, waives=False, recent=True)).user

    async def page(request: HTTPConnection) -> Any:
        return (await asked(request, waives=True)).user

    async def optional_page(request: HTTPConnection) -> Any:
        try:
            return (await asked(request, waives=True)).user
        except NoSession:
            return None
        except OriginNotAllowed:
            if request.scope["method"] in {"GET", "HEAD"}:
                return None
            raise

    async def form(request: HTTPConnection) -> Any:
        said = request.headers.getlist("x-authingo-client") == ["true"]
        if said or request.scope["method"] in {"GET", "HEAD"}:
            return (await asked(request, waives=True)).user
        sites, origins = (request.headers.getlist(one) for one in ("sec-fetch-site", "origin"))
        if sites != ["same-origin"] and (sites or origins != [OWN]):
            raise OriginNotAllowed(FORM)
        return (await found(request)).user

    async def optional(request: HTTPConnection) -> Any:
        said = "x-authingo-client" in request.headers
        if request.scope["method"] in {"GET", "HEAD"} and not said:
            return None
        try:
            return (await asked(request, waives=False)).user
        except NoSession:
            return None

    made = [user, session, optional, page, optional_page, form, fresh]
    return {one.__name__: one for one in made}


class Note(BaseModel):
    text: str


class Stopped(Exception):
    """Raised by what stands around a route, for some requests."""


class Program:
    """One of the two applications of a seed, and what ran in it."""

    def __init__(self, auth: Auth, kit: Kit, seed: int) -> None:
        self.kit = kit
        self.ran: list[str] = []
        self._drawn = random.Random(seed)
        self._names = itertools.count()
        self._auth = auth
        self.app = self._application(depth=0)
        self.paths: list[str] = []
        self._fill(self.app, self.app, "", depth=0)

    def _chance(self, of: float) -> bool:
        return self._drawn.random() < of

    def _application(self, depth: int) -> FastAPI:
        common = [Depends(self._dependency())] if self._chance(0.15) else []
        app = FastAPI(dependencies=common)
        self._auth.install(app, routes=depth == 0)
        if self._chance(0.2):
            app.add_middleware(self._layer())
        app.add_exception_handler(Stopped, self._answer_stopped)
        return app

    @staticmethod
    def _answer_stopped(request: Any, error: Exception) -> Response:
        return Response(str(error), 418)

    def _fill(self, app: FastAPI, into: Any, prefix: str, depth: int) -> None:
        """Add routes to an application or a router, and what holds more of them."""
        for _ in range(self._drawn.randint(1, 3)):
            self.paths += [prefix + path for path in self._route(into)]
        if depth < 2 and self._chance(0.6):
            self._include(app, into, prefix, depth)
        if depth == 0 and self._chance(0.4):
            inner = self._application(depth=1)
            app.mount("/mounted", inner)
            self._fill(inner, inner, prefix + "/mounted", depth=2)

    def _include(self, app: FastAPI, into: Any, prefix: str, depth: int) -> None:
        classes: list[type[APIRoute]] = [APIRoute, self._gated(), self._wrapped()]
        router = APIRouter(
            prefix=f"/r{next(self._names)}",
            dependencies=self._dependencies(0.3),
            route_class=self._drawn.choice(classes),
        )
        own = len(self.paths)
        self._fill(app, router, router.prefix, depth + 1)
        below = self.paths[own:]
        del self.paths[own:]
        for number in range(self._drawn.choice([1, 1, 2])):
            at = f"/i{number}"
            into.include_router(router, prefix=at, dependencies=self._dependencies(0.3))
            self.paths += [prefix + at + path for path in below]

    def _route(self, into: Any) -> list[str]:
        name = f"/{next(self._names)}"
        depend = Security if self._chance(0.3) else Depends
        parameters = [self._dependency() for _ in range(self._drawn.choice([0, 1, 1, 1, 2]))]
        takes_body, in_a_thread = self._chance(0.4), self._chance(0.2)
        annotations: dict[str, Any] = {
            f"who{number}": Annotated[Any, depend(one)] for number, one in enumerate(parameters)
        }
        annotations["request"] = Request
        if takes_body:
            annotations["note"] = Note

        def answer(**given: Any) -> list[Any]:
            self.ran.append(f"route {name}")
            del given["request"]
            return [name, *(shown(value) for _, value in sorted(given.items()))]

        endpoint = with_signature(answer, annotations, in_a_thread=in_a_thread)
        options = {"dependencies": self._dependencies(0.4)}
        into.add_api_route(name, endpoint, methods=["POST" if takes_body else "GET"], **options)
        return [name]

    def _dependencies(self, chance: float) -> list[Any]:
        if not self._chance(chance):
            return []
        depend = Security if self._chance(0.3) else Depends
        return [depend(self._dependency()) for _ in range(self._drawn.choice([1, 1, 2]))]

    def _dependency(self) -> Any:
        """A guard by itself, or below something else, or something that is no guard."""
        guard = self.kit[self._drawn.choice(KINDS)]
        name = f"dependency {next(self._names)}"
        shape = self._drawn.randrange(7)
        if shape == 0:
            return self._stopping(name)
        if shape == 1:

            async def below(who: Annotated[Any, Depends(guard)]) -> Any:
                self.ran.append(name)
                return who

            return below
        if shape == 2:

            async def around(who: Annotated[Any, Security(guard)]) -> Any:
                self.ran.append(name)
                yield who
                self.ran.append(f"after {name}")

            return around
        if shape == 3:
            ran = self.ran

            class Holder:
                def __init__(self, who: Annotated[Any, Depends(guard)]) -> None:
                    ran.append(name)
                    self.who = who

            return Holder
        return guard

    def _stopping(self, name: str) -> Any:
        async def stopping(request: Request) -> None:
            self.ran.append(name)
            if "stop" in request.query_params:
                raise Stopped(name)

        return stopping

    def _layer(self) -> Any:
        name, ran = f"layer {next(self._names)}", self.ran

        class Layer:
            def __init__(self, app: Any) -> None:
                self.app = app

            async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
                ran.append(name)
                if b"stop-layers" in scope["query_string"]:
                    await Response(name, 418)(scope, receive, send)
                else:
                    await self.app(scope, receive, send)

        return Layer

    def _gated(self) -> type[APIRoute]:
        name, ran = f"gate {next(self._names)}", self.ran

        class Gated(APIRoute):
            def get_route_handler(self) -> Callable[[Request], Any]:
                handle = super().get_route_handler()

                async def gated(request: Request) -> Response:
                    ran.append(name)
                    if "stop" in request.query_params:
                        raise Stopped(name)
                    return await handle(request)

                return gated

        return Gated

    def _wrapped(self) -> type[APIRoute]:
        layer = self._layer()

        class Wrapped(APIRoute):
            def __init__(self, *given: Any, **options: Any) -> None:
                super().__init__(*given, **options)
                self.app = layer(self.app)

        return Wrapped

    def change(self) -> None:
        """Do what a program does to itself while it serves."""
        own = [route for route in self.app.routes if isinstance(route, APIRoute)]
        change, kind = self._drawn.randrange(5), self._drawn.choice(KINDS)
        route = self._drawn.choice(own)
        if change == 0:
            self.app.dependency_overrides[self.kit[kind]] = lambda: f"instead of {kind}"
        elif change == 1:
            self.app.dependency_overrides.clear()
        elif change == 2:
            route.app = self._layer()(route.app)
        elif change == 3:
            late = Depends(self._dependency())
            route.dependant.dependencies.append(
                get_parameterless_sub_dependant(depends=late, path=route.path)
            )
        else:
            self.paths += self._route(self.app)


def shown(value: Any) -> Any:
    value = getattr(value, "who", value)  # what a class has taken in
    for attribute in ("email", "user_id", "text"):
        if hasattr(value, attribute):
            return getattr(value, attribute)
    return value


def with_signature(
    answer: Callable[..., Any], annotations: dict[str, Any], *, in_a_thread: bool
) -> Any:
    """Return a function that FastAPI calls with these parameters."""

    def in_thread(**given: Any) -> Any:
        return answer(**given)

    async def in_loop(**given: Any) -> Any:
        return answer(**given)

    endpoint: Any = in_thread if in_a_thread else in_loop
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(name, kind, annotation=annotation)
        for name, annotation in annotations.items()
    ]
    endpoint.__signature__ = inspect.Signature(parameters)
    return endpoint


@dataclass
class Asked:
    """One request."""

    path: str
    query: str
    method: str
    headers: list[tuple[bytes, bytes]]
    body: bytes


def drawn_request(drawn: random.Random, paths: list[str], tokens: dict[str, str]) -> Asked:
    headers = [(b"host", b"app.example.com"), (b"content-type", b"application/json")]
    cookies = [f"authingo_session={tokens[who]}" for who in drawn.choice(COOKIES)]
    if drawn.random() < 0.2:
        cookies.insert(0, "theme=dark")
    if cookies:
        headers.append((b"cookie", "; ".join(cookies).encode()))
    said = drawn.choice([["true"]] * 8 + [[], ["yes"], ["true", "true"]])
    headers += [(b"x-authingo-client", value.encode()) for value in said]
    origins = drawn.choice([[]] * 6 + [[OWN]] * 3 + [["https://evil.example"], ["null"]])
    headers += [(b"origin", origin.encode()) for origin in origins]
    if drawn.random() < 0.3:
        site = drawn.choice([b"cross-site", b"same-origin", b"none"])
        headers.append((b"sec-fetch-site", site))
        headers.append((b"sec-fetch-mode", drawn.choice([b"navigate", b"cors", b"no-cors"])))
        headers.append((b"sec-fetch-dest", drawn.choice([b"document", b"iframe", b"empty"])))
    body = drawn.choice([b'{"text": "x"}'] * 3 + [b'{"text": 1}', b"{}", b"[]"])
    method = drawn.choice(["GET", "POST"] * 5 + ["HEAD", "PUT"])
    query = drawn.choice([""] * 6 + ["stop", "stop-layers"])
    return Asked(drawn.choice([*paths, "/nowhere"]), query, method, headers, body)


COOKIES = [
    *([["ada"]] * 6),
    *([["bob"]] * 2),
    *([["stale"]] * 2),
    *([["expired"], ["ended"], ["unknown"], ["misspelt"], [], ["ada", "bob"], ["ada", "ada"]]),
]


async def answer_of(program: Program, asked: Asked) -> Answered:
    """Return what a program answers, and what ran in it."""
    program.ran.clear()
    bodies, sent = [asked.body], []

    async def receive() -> dict[str, Any]:
        if not bodies:
            await asyncio.get_running_loop().create_future()
        return {"type": "http.request", "body": bodies.pop(), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": asked.method,
        "path": asked.path,
        "raw_path": asked.path.encode(),
        "root_path": "",
        "query_string": asked.query.encode(),
        "scheme": "https",
        "server": ("app.example.com", 443),
        "client": ("192.0.2.7", 4711),
        "headers": list(asked.headers),
    }
    await program.app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], body, tuple(program.ran)


def refused_earlier(asked: Asked, found: Answered, expected: Answered) -> bool:
    """Tell whether a guard refused before a body was read what does not get through anyway.

    FastAPI reads the body before it runs dependencies, so the guards look at the request
    then, and what stands before a guard in the list of dependencies does not run.
    """
    status, body, ran = found
    codes = b"missing_client_header", b"origin_not_allowed"
    if asked.method in {"GET", "HEAD"} or status != 403 or not any(code in body for code in codes):
        return False
    through = any(name.startswith("route") for name in expected[2])
    return not through and ran == expected[2][: len(ran)]


def auth_on(folder: Path, *, cache: str) -> Auth:
    settings = {
        "database_url": f"sqlite:///{folder}/authingo.db",
        "public_url": OWN,
        "passwords": {"bcrypt_cost": 4},
        "limits": {"enabled": False},
        "sessions": {"cache": cache},
    }
    return Auth(settings_from(settings))


PASSWORD = "correct horse battery"


async def made_tokens(auth: Auth) -> dict[str, str]:
    """Sign people up, and let some of the sessions end."""

    async def sign_up(name: str) -> str:
        made = await auth.sign_up(email=f"{name}@example.com", password=PASSWORD, name=name)
        return made.tokens.session or ""

    tokens = {"expired": await sign_up("eve"), "ended": await sign_up("mallory")}
    await asyncio.to_thread(age_sessions, auth.settings.database_url, 5 * 60)
    tokens["stale"] = await sign_up("carol")
    await asyncio.to_thread(age_sessions, auth.settings.database_url, 11 * 60)
    await auth.sign_out(tokens["ended"])
    tokens |= {"ada": await sign_up("ada"), "bob": await sign_up("bob")}
    return {**tokens, "unknown": tokens["ada"][::-1], "misspelt": tokens["ada"] + "="}


@pytest.mark.anyio
async def test_guards_answer_as_plain_dependencies_do(tmp_path: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    statuses: dict[int, int] = {}
    auth, forgetful = auth_on(tmp_path, cache="10s"), auth_on(tmp_path, cache="0")
    async with auth.lifespan(), forgetful.lifespan():
        tokens = await made_tokens(auth)
        plain = plain_dependencies(forgetful)
        for seed in itertools.count():
            guarded, reference = Program(auth, GUARDS, seed), Program(forgetful, plain, seed)
            assert guarded.paths == reference.paths
            drawn = random.Random(seed)
            await auth.sign_out(tokens["bob"])
            tokens["ended"] = tokens["bob"]
            signed_in = await auth.sign_in(email="bob@example.com", password=PASSWORD)
            tokens["bob"] = signed_in.tokens.session or ""
            for number in range(40):
                if number % 8 == 7:
                    guarded.change()
                    reference.change()
                asked = drawn_request(drawn, guarded.paths, tokens)
                for time_asked in range(drawn.choice([1, 1, 3])):
                    expected = await answer_of(reference, asked)
                    found = await answer_of(guarded, asked)
                    same = found == expected or refused_earlier(asked, found, expected)
                    assert same, (seed, number, time_asked, asked, found, expected)
                    statuses[found[0]] = statuses.get(found[0], 0) + 1
            if time.monotonic() > deadline:
                break
    assert statuses.keys() >= {200, 401, 403, 404, 405, 418, 422}, "each of them came up"
