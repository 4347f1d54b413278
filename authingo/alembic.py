"""Keep Alembic's hands off authingo's tables.

`alembic revision --autogenerate` assumes that every table it does not know was removed, and writes
code to drop it. Add this to each `context.configure` in `env.py`:

    from authingo.alembic import include_name, include_object

    context.configure(..., include_name=include_name, include_object=include_object)

If you have your own predicates, use `return include_name(name, type_, parents) and mine(...)`.
Alembic is not imported.
"""

from __future__ import annotations

from collections.abc import Mapping

PREFIX = "authingo_"  # the prefix of every table that authingo has, or will have


def include_name(name: str | None, type_: str, parents: Mapping[str, object]) -> bool:  # noqa: ARG001
    """Leave authingo's tables out of what is read from the database (Alembic's `include_name`)."""
    return _is_yours(name, type_)


def include_object(
    object_: object,  # noqa: ARG001
    name: str | None,
    type_: str,
    reflected: bool,  # noqa: ARG001 - as Alembic calls it
    compare_to: object,  # noqa: ARG001
) -> bool:
    """Leave them out too if your metadata has them (Alembic's `include_object`)."""
    return _is_yours(name, type_)


def _is_yours(name: str | None, type_: str) -> bool:
    return not (type_ == "table" and (name or "").startswith(PREFIX))
