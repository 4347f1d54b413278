"""Whether what users have in their profiles fits the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authingo.findings import Finding, ok, warn

if TYPE_CHECKING:
    from authingo.stores import Store

_PAGE = 1_000
_MOST = 10_000  # users, the newest: reading more would keep the database busy


async def examine(store: Store) -> list[Finding]:
    """Count users whose profile no longer fits; nothing if users have no profile."""
    if store.profiles is None:
        return []
    read = unfit = 0
    after = None
    while read < _MOST:
        users = await store.users.page(after=after, limit=_PAGE, newest=True)
        read += len(users)
        unfit += sum(not one.stored_profile.fits for one in users if one.stored_profile)
        if len(users) < _PAGE:
            break
        after = users[-1].id
    of = f"of the newest {read} users" if read >= _MOST else f"of {read} users"
    if not unfit:
        return [ok("profile", f"{of}, every profile fits the model")]
    return [
        warn(
            "profile",
            f"{of}, {unfit} have something in their profile that does not fit the model",
            "clients do not see it, and it counts as its default; let the model accept it, or "
            "correct it with `authingo users set`",
        )
    ]
