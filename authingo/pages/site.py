"""Whether there are pages. What makes them is imported only where there are."""

from __future__ import annotations

from authingo.config import Settings
from authingo.http.site import Site
from authingo.pages.settings import PagesSettings


def site(settings: Settings) -> Site | None:
    """Return what answers for the pages, or None if they are off."""
    if not settings.of(PagesSettings).enabled:
        return None
    from authingo.pages.serving import PageSite  # noqa: PLC0415 - not where they are off

    return PageSite(settings)
