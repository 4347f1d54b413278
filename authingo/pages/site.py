"""Whether there are pages. What makes them is imported only where there are."""

from __future__ import annotations

from authingo.config import Settings, is_local
from authingo.http.site import Site
from authingo.mail.inbox import Inbox
from authingo.mail.settings import sends_mail, with_inbox
from authingo.pages.settings import PagesSettings, has_inbox


def site(settings: Settings) -> Site | None:
    """Return what answers for the pages, or None if they are off."""
    if not settings.of(PagesSettings).enabled:
        return None
    from authingo.pages.serving import PageSite  # noqa: PLC0415 - not where they are off

    return PageSite(settings)


def with_inbox_of_tests(settings: Settings) -> Settings:
    """Return settings with which tests get the mails that the inbox of the pages would show."""
    if not has_inbox(settings) or sends_mail(settings):
        return settings
    from authingo.mail.testing import with_mail  # noqa: PLC0415 - only in tests

    return with_mail(settings)


def with_own_inbox(settings: Settings) -> Settings:
    """Return settings with which mail comes to the inbox of the pages, if they have one.

    A database on another machine may be that of a site: the inbox would take the mail that is
    queued there away from its users.
    """
    if not has_inbox(settings) or sends_mail(settings) or not is_local(settings.database_url):
        return settings
    return with_inbox(settings, Inbox())
