"""Fields of the application's own on the account page, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from authingo import ClientWritable, ServerOnly, Settings
from authingo.pages.own_fields import has_any, own_fields
from tests.pages.visitor import Visitor, accessible, is_signed_in
from tests.server import LiveServer


class Size(StrEnum):
    S = "S"
    M = "M"


class Own(BaseModel, frozen=True):
    nickname: Annotated[str | None, ClientWritable, Field(max_length=5, title="Nick")] = None
    birthday: Annotated[date | None, ClientWritable] = None
    seats: Annotated[int, ClientWritable] = 1
    news: Annotated[bool, ClientWritable, Field(description="Once a month.")] = False
    theme: Annotated[Literal["light", "dark"], ClientWritable] = "light"
    size: Annotated[Size | None, ClientWritable] = None
    tags: Annotated[list[str], ClientWritable] = []
    mixed: Annotated[int | str, ClientWritable] = 1
    plan: str = "free"
    notes: Annotated[str, ServerOnly] = ""


def test_only_what_a_client_may_write_and_an_input_can_show_has_one() -> None:
    fields = {one["name"]: one for one in own_fields(Settings().with_profile(Own))}
    assert list(fields) == ["nickname", "birthday", "seats", "news", "theme", "size"]
    types = [one["type"] for one in fields.values()]
    assert types == ["text", "date", "number", "checkbox", "text", "text"]
    assert (fields["nickname"]["label"], fields["news"]["hint"]) == ("Nick", "Once a month.")
    assert (fields["theme"]["options"], fields["size"]["options"]) == (
        ["light", "dark"],
        ["S", "M"],
    )
    assert not has_any(Settings())


@pytest.mark.browser
def test_users_change_their_own_fields(
    start: Callable[..., LiveServer], visit: Callable[..., Visitor]
) -> None:
    """Only what changed is sent, and what is wrong is shown at its field."""
    server = start(profile="tests.pages.test_own_fields:Own")
    page = visit(server).sign_up()
    is_signed_in(page)
    page.get_by_label("Nick").fill("too long")
    page.get_by_label("Birthday").fill("1815-12-10")
    page.get_by_label("Seats").fill("5")
    page.get_by_label("News").check()
    page.get_by_label("Theme").select_option("dark")
    save = page.locator("#fields-form button")
    save.click()
    page.locator("#own-nickname-error", has_text="Nick string should have at most 5").wait_for()
    assert page.locator("#own-nickname:focus").count() == 1
    page.get_by_label("Nick").fill("Ada")
    save.click()
    page.get_by_text("Your changes are saved.").wait_for()
    assert accessible(page) == []
    page.reload()
    is_signed_in(page)
    page.wait_for_function("document.getElementById('own-nickname').value === 'Ada'")
    assert page.get_by_label("Birthday").input_value() == "1815-12-10"
    assert page.get_by_label("Seats").input_value() == "5"
    assert page.get_by_label("News").is_checked()
    assert page.get_by_label("Theme").input_value() == "dark"
    page.get_by_label("Nick").fill("")
    save.click()
    page.get_by_text("Your changes are saved.").wait_for()
