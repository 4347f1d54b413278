"""A tab of a browser of any engine, and what a person sees and does there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver
    from selenium.webdriver.remote.webelement import WebElement

_PATIENCE = 30  # seconds


class Tab:
    """A tab in a window of its own, so that it is visible whatever happens in others.

    One that is only shown when somebody looks would ask the server then, and need no message
    from other tabs.
    """

    def __init__(self, driver: WebDriver, url: str | None = None, *, new: bool = True) -> None:
        """Open an address in a new tab, or else in the one where the driver is; None: stay."""
        self._driver = driver
        if new:
            driver.switch_to.new_window("window")
        self._handle = driver.current_window_handle
        if url is not None:
            driver.get(url)

    @property
    def driver(self) -> WebDriver:
        self._driver.switch_to.window(self._handle)
        return self._driver

    def go_to(self, url: str) -> None:
        self.driver.get(url)

    def close(self) -> None:
        self.driver.close()

    def reload(self) -> None:
        self.driver.refresh()

    def run(self, script: str) -> Any:
        return self.driver.execute_script(script)

    def cookies(self) -> dict[str, str]:
        """Return the cookies that the browser would send for this page."""
        return {one["name"]: one["value"] for one in self.driver.get_cookies()}

    def sees(self, text: str) -> None:
        until(lambda: text in self._text(), lambda: f"no {text!r} in:\n{self._text()}")

    def sees_no(self, text: str) -> None:
        until(lambda: text not in self._text(), lambda: f"still {text!r} in:\n{self._text()}")

    def sees_none(self, selector: str) -> None:
        """Hold that of the elements of a kind none is to be seen."""
        shown = [one for one in self._all("css selector", selector) if one.text]
        assert shown == [], selector

    def is_loaded(self) -> None:
        """Wait until the scripts of the page have run."""
        state = "return document.readyState"
        until(lambda: self.run(state) == "complete", lambda: f"it is {self.run(state)}")

    def press(self, name: str) -> None:
        self._find("button", f"//button[normalize-space()='{name}']", name).click()

    def follow(self, link: str) -> None:
        self._find("link", f"//a[normalize-space()='{link}']", link).click()

    def follow_to_new_tab(self, link: str) -> Tab:
        """Follow a link that opens a tab, and return that."""
        known = set(self.driver.window_handles)
        self.follow(link)

        def opened() -> set[str]:
            return set(self._driver.window_handles) - known

        until(lambda: len(opened()) == 1, lambda: f"{link!r} opened {len(opened())} tabs")
        self._driver.switch_to.window(*opened())
        return Tab(self._driver, new=False)

    def press_in_frame(self, title: str, link: str) -> None:
        """Follow a link in a frame, whose title begins with `title`."""
        from selenium.common import exceptions  # noqa: PLC0415 - an extra of its own

        path = f"//iframe[starts-with(@title, '{title}')]"
        found: list[WebElement] = []

        def loaded() -> bool:
            frame = self._find("frame", path, title)
            try:
                # Firefox scrolls only the frame itself, and clicks outside of the window.
                self.driver.execute_script("arguments[0].scrollIntoView()", frame)
                self.driver.switch_to.frame(frame)
                found[:] = self._driver.find_elements("link text", link)
            except (exceptions.StaleElementReferenceException, exceptions.TimeoutException):
                found.clear()  # the page has put another there, or is busy, as in `_all`
            if not found:
                self._driver.switch_to.default_content()
            return bool(found)

        until(loaded, lambda: f"no link {link!r} in the frame {title!r}")
        found[0].click()
        self._driver.switch_to.default_content()

    def fill(self, **values: str) -> None:
        for label, value in values.items():
            field = self._field(label)
            field.clear()
            field.send_keys(value)

    def holds(self, label: str, value: str) -> None:
        """Wait until a field has this value."""

        def typed() -> Any:
            return self.driver.execute_script("return arguments[0].value", self._field(label))

        until(lambda: typed() == value, lambda: f"{label!r} has {typed()!r}")

    def _field(self, label: str) -> WebElement:
        path = f"//input[@id=//label[normalize-space()='{label}']/@for]"
        return self._find("field", path, label)

    def _text(self) -> str:
        """Return what is to be seen of the page; nothing while the next one is loading."""
        text: str = self.run("return document.body?.innerText ?? ''") or ""
        return text

    def _all(self, by: str, value: str) -> list[WebElement]:
        from selenium.common import exceptions  # noqa: PLC0415 - an extra of its own

        found: list[WebElement] = []

        def answered() -> bool:
            try:
                found[:] = self.driver.find_elements(by, value)
            except exceptions.TimeoutException:  # WebKit gives a busy page one second to answer
                return False
            return True

        until(answered, lambda: f"the browser does not answer what {value!r} is")
        return found

    def _find(self, kind: str, path: str, name: str) -> WebElement:
        from selenium.common import exceptions  # noqa: PLC0415 - an extra of its own

        found: list[WebElement] = []

        def seen() -> bool:
            shown = "return arguments[0].checkVisibility()"
            elements = self._all("xpath", path)
            try:
                found[:] = [one for one in elements if self.driver.execute_script(shown, one)]
            except exceptions.StaleElementReferenceException:  # the page has put others there
                found.clear()
            return len(found) == 1

        until(seen, lambda: f"{len(found)} times the {kind} {name!r} in:\n{self._text()}")
        return found[0]


def until(condition: Callable[[], bool], explain: Callable[[], str]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.05)  # a driver has nothing to wait for
