"""Models of profiles, which the tests name in their settings."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    Field,
    computed_field,
    field_serializer,
    field_validator,
    model_validator,
)

from authingo import ClientWritable, ServerOnly


class Address(BaseModel, frozen=True):
    city: str
    street: str | None = None


class Profile(BaseModel, frozen=True):
    """What an application may want to know."""

    theme: Annotated[Literal["light", "dark"], ClientWritable] = "light"
    nickname: Annotated[str | None, ClientWritable, Field(max_length=5000)] = None
    birthday: Annotated[date | None, ClientWritable] = None
    address: Annotated[Address | None, ClientWritable] = None
    tags: Annotated[list[str], ClientWritable] = []
    ratio: Annotated[float, ClientWritable] = 0.5
    anything: Annotated[object, ClientWritable] = None
    plan: Literal["free", "pro"] = "free"
    banned: Annotated[bool, ServerOnly] = False
    notes: Annotated[str, ServerOnly] = ""

    @field_validator("nickname")
    @classmethod
    def is_polite(cls, value: str | None) -> str | None:
        if value == "admin":
            raise ValueError("is reserved")
        return value


class Cross(BaseModel, frozen=True):
    """Fields that must fit together."""

    least: Annotated[int, ClientWritable] = 0
    most: Annotated[int, ClientWritable] = 0
    plan: str = "free"
    features: list[str] = []
    banned: Annotated[bool, ServerOnly] = False

    @model_validator(mode="after")
    def fits_together(self) -> Cross:
        if self.least > self.most:
            raise ValueError("the range is empty")
        if self.features and self.plan != "pro":
            raise ValueError("features need the paid plan")
        return self


class Next(BaseModel, frozen=True):
    """The model after a release: `theme` is a number, `plan` is gone, `language` is new."""

    theme: Annotated[int, ClientWritable] = 0
    nickname: Annotated[str | None, ClientWritable] = None
    language: Annotated[str, ClientWritable] = "en"


class Failing(BaseModel, frozen=True):
    """A validator of the application that has a mistake."""

    nickname: Annotated[str | None, ClientWritable] = None

    @field_validator("nickname")
    @classmethod
    def fails(cls, value: str | None) -> str | None:
        raise KeyError(value)


class Unsendable(BaseModel, frozen=True):
    """A serializer of the application that has a mistake, and a field that is not stored."""

    nickname: Annotated[str | None, ClientWritable] = None
    seats: int = 1

    @field_serializer("nickname")
    def fails(self, value: str | None) -> str | None:
        if value == "bad":
            raise KeyError(value)
        return value

    @computed_field
    def loud(self) -> str:
        return (self.nickname or "").upper()
