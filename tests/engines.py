"""The engines of the browsers people have, all from Debian: Chromium, Firefox ESR, WebKitGTK.

Selenium drives all three. Debian has no geckodriver, which only translates WebDriver to
Marionette, the protocol of Firefox itself with the same commands; `_Marionette` does that here.

An engine that is missing skips its tests, and says so; `AUTHINGO_REQUIRE_BROWSER=1` makes that
a failure.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tests.browser import need_chromium, skip_or_fail

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

ENGINES = ["chromium", "firefox", "webkit"]
_START_TIMEOUT = 60  # seconds
# Any free port; and JSON is a page of its address, not a tool of Firefox's own.
_FIREFOX_PREFERENCES = """
user_pref("marionette.port", 0);
user_pref("devtools.jsonview.enabled", false);
"""


@contextlib.contextmanager
def open_engine(name: str) -> Iterator[WebDriver]:
    """Start an engine with an empty profile of its own."""
    start = {"chromium": _chromium, "firefox": _firefox, "webkit": _webkit}[name]
    with _opened(start) as driver:
        yield driver


@contextlib.contextmanager
def open_engine_without_scripts(name: str) -> Iterator[WebDriver]:
    """Start Firefox or WebKit with JavaScript switched off, as in its settings."""
    start = {
        "firefox": lambda: _firefox('user_pref("javascript.enabled", false);'),
        "webkit": lambda: _webkit("--enable-javascript=false"),
    }[name]
    with _opened(start) as driver:
        yield driver


@contextlib.contextmanager
def _opened(start: Callable[[], AbstractContextManager[WebDriver]]) -> Iterator[WebDriver]:
    if importlib.util.find_spec("selenium") is None:
        skip_or_fail("Selenium is missing: it comes with the `browser` extra")
    with start() as driver:
        driver.set_page_load_timeout(60)
        driver.set_window_size(1280, 900)
        yield driver


def _need(command: str, package: str) -> str:
    found = shutil.which(command)
    if found is None:
        skip_or_fail(f"{command} is missing: Debian's package {package} has it")
    return found


@contextlib.contextmanager
def _chromium() -> Iterator[WebDriver]:
    binary, driver = need_chromium(), _need("chromedriver", "chromium-driver")
    from selenium import webdriver  # noqa: PLC0415 - an extra of its own

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    # No sandbox: as root there is none, and only pages of our own are opened.
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    with webdriver.Chrome(options, webdriver.ChromeService(driver)) as running:
        yield running


@contextlib.contextmanager
def _webkit(*arguments: str) -> Iterator[WebDriver]:
    driver = _need("WebKitWebDriver", "webkit2gtk-driver")
    browsers = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
    if not browsers:
        skip_or_fail("MiniBrowser is missing: Debian's package webkit2gtk-driver has it")
    from selenium import webdriver  # noqa: PLC0415 - an extra of its own
    from selenium.webdriver.remote.client_config import ClientConfig  # noqa: PLC0415
    from selenium.webdriver.remote.remote_connection import RemoteConnection  # noqa: PLC0415

    options = webdriver.WebKitGTKOptions()
    options.binary_location = str(browsers[-1])
    for argument in ("--automation", *arguments):
        options.add_argument(argument)
    with _display() as display:
        env = {**os.environ, "DISPLAY": display, "GDK_BACKEND": "x11"}
        service = webdriver.WebKitGTKService(driver, env=env)
        service.start()
        try:
            # webdriver.WebKitGTK makes one that warns of itself.
            connection = RemoteConnection(client_config=ClientConfig(service.service_url))
            with webdriver.Remote(connection, options=options) as running:
                yield running
        finally:
            service.stop()


@contextlib.contextmanager
def _display() -> Iterator[str]:
    """Run an X server without a screen; it chooses a free number and says which."""
    command = _need("Xvfb", "xvfb")
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [command, "-displayfd", str(writing), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as number:
            yield f":{number.readline().strip()}"
    finally:
        server.terminate()
        server.wait(30)


@contextlib.contextmanager
def _firefox(preferences: str = "") -> Iterator[WebDriver]:
    command = _need("firefox-esr", "firefox-esr")
    from selenium import webdriver  # noqa: PLC0415 - an extra of its own

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        profile = Path(directory)
        (profile / "user.js").write_text(_FIREFOX_PREFERENCES + preferences)
        process = subprocess.Popen(
            [command, "--headless", "--marionette", "--no-remote", "--profile", directory],
            env={**os.environ, "HOME": directory},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with socket.create_connection(("127.0.0.1", _port_of(profile, process))) as connection:
                executor: Any = _Marionette(connection)
                yield webdriver.Remote(executor, options=webdriver.FirefoxOptions())
        finally:
            process.terminate()
            process.wait(30)


def _port_of(profile: Path, process: subprocess.Popen[bytes]) -> int:
    """Wait for the file in which Firefox writes the port that it listens on."""
    file = profile / "MarionetteActivePort"
    deadline = time.monotonic() + _START_TIMEOUT
    while not (file.exists() and file.read_text().strip()):
        assert process.poll() is None, "Firefox ended"
        assert time.monotonic() < deadline, "Firefox does not listen"
        time.sleep(0.02)
    return int(file.read_text())


class _Marionette:
    """Sends Selenium's commands to Firefox itself, as geckodriver would.

    A message is its length, a colon, and JSON: [0, id, command, parameters] one way,
    [1, id, error, result] the other (firefox-source-docs.mozilla.org, Marionette, Protocol).
    """

    _COMMANDS: ClassVar = {
        "newSession": "NewSession",
        "setTimeouts": "SetTimeouts",
        "setWindowRect": "SetWindowRect",
        "get": "Navigate",
        "refresh": "Refresh",
        "findElements": "FindElements",
        "clickElement": "ElementClick",
        "clearElement": "ElementClear",
        "sendKeysToElement": "ElementSendKeys",
        "getElementText": "GetElementText",
        "w3cExecuteScript": "ExecuteScript",
        "newWindow": "NewWindow",
        "switchToWindow": "SwitchToWindow",
        "switchToFrame": "SwitchToFrame",
        "w3cGetCurrentWindowHandle": "GetWindowHandle",
        "w3cGetWindowHandles": "GetWindowHandles",
        "close": "CloseWindow",
        "getCookies": "GetCookies",
        "deleteAllCookies": "DeleteAllCookies",
    }
    client_config = None  # what Selenium keeps of a connection by HTTP

    def __init__(self, connection: socket.socket) -> None:
        self._file = connection.makefile("rwb")
        self._ids = itertools.count(1)
        self._receive()  # the greeting

    def execute(self, command: str, params: dict[str, Any]) -> dict[str, Any]:
        sent = {name: value for name, value in params.items() if name != "sessionId"}
        if isinstance(frame := sent.get("id"), dict) and command == "switchToFrame":
            (sent["element"],) = frame.values()  # as geckodriver says it
            del sent["id"]
        message = json.dumps([0, next(self._ids), f"WebDriver:{self._COMMANDS[command]}", sent])
        self._file.write(f"{len(message.encode())}:{message}".encode())
        self._file.flush()
        _, _, error, result = self._receive()
        if error:
            return {"status": error["error"], "value": error}
        if isinstance(result, dict) and result.keys() == {"value"}:
            result = result["value"]
        return {"status": 0, "value": result}

    def _receive(self) -> Any:
        length = b""
        while (digit := self._file.read(1)) != b":":
            assert digit, "Firefox hung up"
            length += digit
        return json.loads(self._file.read(int(length)))
