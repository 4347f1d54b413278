"""docs/python.md says what there is: every method with its signature, every error, and examples."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import authingo
from authingo import Auth, AuthError
from authingo.cache import SessionCache
from tests.database import execute
from tests.documents import blocks, read
from tests.server import ADA, CLIENT

PAGE = read("docs/python.md")
DOCUMENTED = {
    line.removeprefix("async ").split("(")[0].split()[1]: line
    for block in blocks(PAGE, "py")
    for line in block.splitlines()
}
ADMINISTRATION, SCRIPT = blocks(PAGE, "python")


def in_one_spelling(signature: str) -> str:
    """Return parameters and result; of a default only that there is one, if it is no literal."""
    tree = ast.parse(f"def f{signature}: ...").body[0]
    assert isinstance(tree, ast.FunctionDef)
    for defaults in (tree.args.defaults, tree.args.kw_defaults):
        for at, default in enumerate(defaults):
            if default is not None and not isinstance(default, ast.Constant):
                defaults[at] = ast.Constant(...)
    return ast.unparse(tree)


def signature_of(function: object) -> str:
    assert callable(function)
    signature = inspect.signature(function)
    parameters = [one for one in signature.parameters.values() if one.name not in {"self", "cls"}]
    shown = [
        one
        if one.default is one.empty or isinstance(one.default, (str, int, bool, type(None)))
        else one.replace(default=...)
        for one in parameters
    ]
    text = str(signature.replace(parameters=shown)).replace("Ellipsis", "...")
    return in_one_spelling(re.sub(r"'([^']*)'", r"\1", text))


def test_every_method_is_there_as_it_is() -> None:
    methods = {
        name: method
        for name, method in inspect.getmembers(Auth, callable)
        if not name.startswith("_")
    }
    methods |= {"recall": SessionCache.recall, "Auth": Auth}
    assert DOCUMENTED.keys() == methods.keys()
    for name, method in methods.items():
        shown = in_one_spelling("(" + DOCUMENTED[name].partition("(")[2])
        real = signature_of(method)
        if inspect.isclass(method):
            real = real.replace(" -> None:", ":")
        assert shown == real, name
        waits = inspect.iscoroutinefunction(method)
        assert DOCUMENTED[name].startswith("async ") is waits, name
    assert "`auth.handler`" in PAGE


def test_every_error_is_there_with_its_code_and_status() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)`, (\d+) \|", PAGE, re.MULTILINE)
    exported = {name: getattr(authingo, name) for name in authingo.__all__}
    errors = {
        (name, one.code, str(one.status))
        for name, one in exported.items()
        if issubclass(one, AuthError) and one is not AuthError
    }
    assert set(rows) == errors


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTHINGO_DATABASE_URL", database_url)
    monkeypatch.setenv("AUTHINGO_PASSWORDS__BCRYPT_COST", "4")
    return tmp_path


def test_the_administration_works(program: Path, database_url: str) -> None:
    namespace: dict[str, object] = {}
    exec(compile(ADMINISTRATION, "main.py", "exec"), namespace)
    app = namespace["app"]
    with TestClient(app, base_url="https://testserver", headers={**CLIENT}) as client:  # type: ignore[arg-type]
        grace = client.post("/api/auth/sign-up", json={**ADA, "email": "grace@example.com"}).json()
        assert client.get("/admin/users").status_code == 403
        client.cookies.clear()
        client.post("/api/auth/sign-up", json=ADA)
        execute(
            database_url,
            f"UPDATE authingo_users SET roles = 'admin' WHERE email = '{ADA['email']}'",
        )
        users = client.get("/admin/users", params={"limit": 1}).json()
        assert [user["email"] for user in users] == ["grace@example.com"]
        more = client.get("/admin/users", params={"after": users[0]["id"]}).json()
        assert [user["email"] for user in more] == ["ada@example.com"]
        assert client.get("/admin/users", params={"limit": 0}).json()["code"] == "invalid_input"
        who = f"/admin/users/{grace['user']['id']}"
        assert len(client.get(f"{who}/sessions").json()) == 1
        assert client.delete(f"{who}/sessions").json() == {"revoked": 1}
        moved = client.patch(who, params={"email": "hopper@example.com"}).json()
        assert (moved["email"], moved["email_verified"]) == ("hopper@example.com", False)
        taken = client.patch(who, params={"email": "ada@example.com"})
        assert (taken.status_code, taken.json()["code"]) == (409, "email_taken")
        assert client.patch("/admin/users/nobody", params={"name": "X"}).status_code == 404
        events = client.get(f"{who}/events").json()
        assert [one["name"] for one in events] == ["email_changed", "session_revoked", "sign_up"]
        earlier = client.get(f"{who}/events", params={"before": events[1]["id"]}).json()
        assert earlier == events[2:]


def test_the_script_runs_again_and_again(program: Path) -> None:
    printed = [
        subprocess.run(
            [sys.executable, "-W", "error", "-c", SCRIPT],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert printed[0].startswith("usr_")
    assert printed[0] == printed[1]
