"""A store can say how it is, in any state."""

from __future__ import annotations

import pytest

from authingo.errors import StoreUnavailable
from authingo.stores import Store


class ExaminationConformance:
    """A store can say how it is, in any state."""

    async def test_an_examination_finds_nothing_that_fails(self, store: Store) -> None:
        """Nor does a second one, which says the same: nothing was changed."""
        first, second = [await store.examine(workers=1) for _ in range(2)]
        assert [(one.name, one.message) for one in first if one.status == "fail"] == []
        assert [one.name for one in first] == [one.name for one in second]
        assert [one.status for one in first if one.name == "schema"] == ["ok"]
        assert all(one.message for one in first)
        assert [one.name for one in first if (one.status == "ok") == bool(one.hint)] == []

    async def test_a_closed_store_cannot_be_examined(self, store: Store) -> None:
        """It says that it is unavailable, as every verb does."""
        await store.close()
        with pytest.raises(StoreUnavailable):
            await store.examine(workers=1)
