"""What asyncpg and the network raise, as StoreUnavailable."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import asyncpg

from authingo.errors import SchemaBehind, StoreUnavailable


@contextlib.asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turn what asyncpg and the network raise into StoreUnavailable, without the URL."""
    try:
        yield
    except asyncpg.UndefinedTableError:
        raise SchemaBehind from None
    except asyncpg.InvalidCatalogNameError:
        raise StoreUnavailable(
            "PostgreSQL has no database of that name", hint="create it, or correct database_url"
        ) from None
    except asyncpg.InvalidAuthorizationSpecificationError:
        raise StoreUnavailable(
            "PostgreSQL refuses the user or the password", hint="correct database_url"
        ) from None
    except asyncpg.InsufficientPrivilegeError:
        raise StoreUnavailable(
            "PostgreSQL refuses the role something that it needs",
            hint="let the authingo tables belong to the role of database_url",
        ) from None
    except asyncpg.PostgresError as error:
        raise StoreUnavailable(f"PostgreSQL failed: {type(error).__name__}") from None
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, ValueError):
        raise StoreUnavailable("the connection to PostgreSQL broke") from None
    except TimeoutError:
        raise StoreUnavailable("PostgreSQL did not answer in time") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StoreUnavailable(
            f"PostgreSQL cannot be reached: {reason}", hint="is it running? is database_url right?"
        ) from None
