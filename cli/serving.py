"""The application that each process of `authingo serve` runs, and its logging."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from authingo.asgi import ASGIApp

if TYPE_CHECKING:
    from fastapi import FastAPI

    from authingo.auth import Auth
    from authingo.config import Settings
    from authingo.pages.inbox import PageInbox


def application() -> FastAPI:
    """Make the application that each worker serves."""
    from authingo.auth import Auth

    return _installed(Auth.from_config())


def development(settings: Settings | None = None, inbox: PageInbox | None = None) -> ASGIApp:
    """Make the application for a development server, with the page around it.

    Args:
        settings: None if they are to be read.
        inbox: what these settings send mail to, for the page.
    """
    from authingo.auth import Auth

    from .development import Development

    auth = Auth(settings) if settings else Auth.from_config()
    return Development(_installed(auth), auth.settings, inbox)


def _installed(auth: Auth) -> FastAPI:
    from fastapi import FastAPI

    app = FastAPI(title="authingo", docs_url=None, redoc_url=None)
    auth.install(app)
    return app


class PathOnly(logging.Filter):
    """Leaves the query out of the request log: people put secrets there (ASVS 5.0 V14.2.1)."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record, and let it through, unless the page only looks for mail."""
        if isinstance(record.args, tuple) and len(record.args) == 5:
            client, method, target, version, status = record.args
            path = str(target).partition("?")[0]
            record.args = (client, method, path, version, status)
            return not (status == 200 and "/inbox" in path)
        return True


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"path_only": {"()": "authingo.cli.serving.PathOnly"}},
    "formatters": {
        "default": {"()": "uvicorn.logging.DefaultFormatter", "fmt": "%(levelprefix)s %(message)s"},
        "access": {
            "()": "uvicorn.logging.AccessFormatter",
            "fmt": '%(levelprefix)s "%(request_line)s" %(status_code)s',
        },
        "event": {"format": "%(message)s"},
    },
    "handlers": {
        "default": {"class": "logging.StreamHandler", "formatter": "default"},
        "access": {
            "class": "logging.StreamHandler",
            "formatter": "access",
            "filters": ["path_only"],
        },
        "event": {"class": "logging.StreamHandler", "formatter": "event"},
    },
    "loggers": {
        "uvicorn": {"handlers": ["default"], "level": "WARNING", "propagate": False},
        "uvicorn.access": {"handlers": ["access"], "level": "INFO", "propagate": False},
        "authingo": {"handlers": ["default"], "level": "INFO", "propagate": False},
        "authingo.events": {"handlers": ["event"], "level": "INFO", "propagate": False},
    },
}
