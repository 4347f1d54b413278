"""Guards that let in some of those who are signed in.

    async def publish(user: Annotated[User, Depends(RequirePermission("posts:write"))]) -> ...

They look into memory as `CurrentUser` does. A change of roles, or of the verified address, drops a
user from there at once, whichever process made it.
"""

# No `from __future__ import annotations`, as in `authingo.fastapi.guards`.
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from authingo import roles
from authingo.errors import EmailNotVerified, Forbidden
from authingo.fastapi.guarded_routes import PERMISSION, ROLE, SESSION_COOKIE, VERIFIED
from authingo.fastapi.guards import guard_of
from authingo.models import P_co, User

if TYPE_CHECKING:
    from authingo.auth import Auth


class Restriction(SecurityBase):
    """Return the signed-in user, if they pass `check`.

    Two with the same name are equal. So FastAPI asks once for a request that has both, and a test
    can replace one: `app.dependency_overrides[RequireRole("admin")] = …`.
    """

    model = SESSION_COOKIE

    def __init__(self, scheme_name: str) -> None:
        self.scheme_name = scheme_name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Restriction) and other.scheme_name == self.scheme_name

    def __hash__(self) -> int:
        return hash(self.scheme_name)

    async def __call__(self, connection: HTTPConnection) -> User:
        """Return the user, or refuse the request."""
        admitted = await guard_of(connection).admit_if(connection.scope, self.check)
        return admitted.user

    def check(self, auth: "Auth", user: User) -> None:
        """Raise an error if the user may not."""
        raise NotImplementedError


class RequireRole(Restriction):
    """Return the signed-in user, if they have a role; 403 `forbidden` if not.

    What the role permits does not matter here: `{"*"}` is no other role.
    """

    def __init__(self, role: str) -> None:
        if problem := roles.problem_with(role):
            raise ValueError(f"the role {role!r} {problem}")
        super().__init__(ROLE + role)
        self._role = role

    def check(self, auth: "Auth", user: User) -> None:  # noqa: ARG002 - as its base has it
        """See Restriction."""
        if self._role not in user.roles:
            raise Forbidden


class RequirePermission(Restriction):
    """Return the signed-in user, if a role of theirs has a permission; 403 `forbidden` if not.

    `Auth.from_config(roles={"editor": {"posts:write"}})` declares which role has which.
    """

    def __init__(self, permission: str) -> None:
        if problem := roles.problem_with(permission):
            raise ValueError(f"the permission {permission!r} {problem}")
        super().__init__(PERMISSION + permission)
        self._permission = permission

    def check(self, auth: "Auth", user: User) -> None:
        """See Restriction."""
        if not auth.has_permission(user, self._permission):
            raise Forbidden


class _VerifiedUser(Restriction):
    """Return the signed-in user, if their address is verified; 403 `email_not_verified` if not."""

    def __init__(self) -> None:
        super().__init__(VERIFIED)

    def check(self, auth: "Auth", user: User) -> None:  # noqa: ARG002 - as its base has it
        """See Restriction."""
        if not user.email_verified:
            raise EmailNotVerified


verified_user = _VerifiedUser()

VerifiedUser = Annotated[User[P_co], Depends(verified_user)]
