"""Invitations, the plugin that docs/plugins.md takes as its example."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from authingo import Plugin
from authingo_invitations.settings import ACCEPTED, INVITED, PURPOSE, InvitationSettings

if TYPE_CHECKING:
    from authingo.http.route import Route


class InvitationsPlugin(Plugin):
    """A signed-in user invites a guest, who can accept once."""

    id = "invitations"
    settings = InvitationSettings
    events = (INVITED, ACCEPTED)
    purposes = (PURPOSE,)
    migrations = "authingo_invitations"

    def routes(self) -> Sequence[Route]:
        """Return its routes, which the command line does not need."""
        from authingo_invitations.routes import ROUTES  # noqa: PLC0415

        return ROUTES
