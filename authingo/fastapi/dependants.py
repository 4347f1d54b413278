"""Which guards a route of the application depends on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from authingo.fastapi.guards import (
    current_session,
    current_user,
    form_user,
    fresh_user,
    optional_page_user,
    optional_user,
    own_form,
    page_user,
)
from authingo.fastapi.restrictions import Restriction

_NEED_HEADER = {
    *(current_user, current_session, optional_user, fresh_user),
    *(page_user, optional_page_user),  # a GET or HEAD does not, but has no body either
}
_TAKE_FORMS = {form_user, own_form}


def demands_header(dependant: Any, overrides: dict[Any, Any]) -> bool:
    """Return whether a FastAPI route depends on a guard that needs X-Authingo-Client.

    A guard that is replaced in `overrides`, as a test may do, does not count.
    """
    return _depends(
        dependant, lambda call: isinstance(call, Restriction) or call in _NEED_HEADER, overrides
    )


def takes_forms(dependant: Any, overrides: dict[Any, Any]) -> bool:
    """Return whether a FastAPI route depends on a guard for forms; see `demands_header`."""
    return _depends(dependant, lambda call: call in _TAKE_FORMS, overrides)


def _depends(dependant: Any, counts: Callable[[Any], bool], overrides: dict[Any, Any]) -> bool:
    return any(
        inner.call not in overrides and (counts(inner.call) or _depends(inner, counts, overrides))
        for inner in dependant.dependencies
    )
