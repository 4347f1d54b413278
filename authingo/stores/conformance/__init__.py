"""What every store must do: run it against an adapter of your own.

    from authingo.stores.conformance import StoreConformance

    class TestMyStore(StoreConformance):
        @pytest.fixture
        async def store(self) -> AsyncIterator[Store]:
            store = MyStore(...)       # empty
            await store.open(create=True)
            await store.migrate()
            yield store
            await store.close()

        @pytest.fixture
        async def another_store(self, store: Store) -> AsyncIterator[Store]:
            ...                        # the same database, opened once more

The tests are coroutines run by the pytest plugin of anyio, which comes with
Starlette. Time is never waited for: what has expired is issued with a negative
lifetime.
"""

from __future__ import annotations

import pytest

from authingo.stores import Store
from authingo.stores.conformance.attempts import AttemptsConformance
from authingo.stores.conformance.bounds import BoundsConformance
from authingo.stores.conformance.codes import CodesConformance
from authingo.stores.conformance.credentials import CredentialsConformance
from authingo.stores.conformance.cursors import CursorsConformance
from authingo.stores.conformance.deadlines import DeadlinesConformance
from authingo.stores.conformance.deletions import DeletionsConformance
from authingo.stores.conformance.devices import DevicesConformance
from authingo.stores.conformance.edits import EditsConformance
from authingo.stores.conformance.ending import EndingConformance
from authingo.stores.conformance.events import EventsConformance
from authingo.stores.conformance.everybody import EverybodyConformance
from authingo.stores.conformance.hash_kinds import HashKindsConformance
from authingo.stores.conformance.imports import ImportsConformance
from authingo.stores.conformance.mails import MailsConformance
from authingo.stores.conformance.maintenance import MaintenanceConformance
from authingo.stores.conformance.moves import MovesConformance
from authingo.stores.conformance.opening import OpeningConformance
from authingo.stores.conformance.proofs import ProofsConformance
from authingo.stores.conformance.reauthentication import ReauthenticationConformance
from authingo.stores.conformance.recovery import RecoveryConformance
from authingo.stores.conformance.revocations import RevocationsConformance
from authingo.stores.conformance.roles import RolesConformance
from authingo.stores.conformance.rotation import RotationConformance
from authingo.stores.conformance.secrets import SecretsConformance
from authingo.stores.conformance.sessions import SessionsConformance
from authingo.stores.conformance.users import UsersConformance
from authingo.stores.conformance.within import WithinConformance

__all__ = ["StoreConformance"]


@pytest.mark.anyio
class StoreConformance(
    OpeningConformance,
    UsersConformance,
    EditsConformance,
    RolesConformance,
    DeletionsConformance,
    ImportsConformance,
    HashKindsConformance,
    SessionsConformance,
    RotationConformance,
    ReauthenticationConformance,
    DeadlinesConformance,
    EndingConformance,
    BoundsConformance,
    RevocationsConformance,
    AttemptsConformance,
    DevicesConformance,
    MovesConformance,
    ProofsConformance,
    RecoveryConformance,
    CodesConformance,
    SecretsConformance,
    CredentialsConformance,
    MailsConformance,
    EventsConformance,
    EverybodyConformance,
    MaintenanceConformance,
    WithinConformance,
    CursorsConformance,
):
    """Subclass it with a fixture `store`: an open, migrated, empty store."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        """Stores are for asyncio."""
        return "asyncio"

    @pytest.fixture
    def another_store(self) -> Store | None:
        """Override it with another open store on the database of `store`, where that can be."""
        return None
