"""Invitations, the capability that CONTRIBUTING.md takes as its example."""

from authingo.capabilities import Capability
from tests.invitations.settings import ACCEPTED, INVITED, PURPOSE, InvitationSettings

INVITATIONS = Capability(
    name="invitations",
    settings=InvitationSettings,
    routes="tests.invitations.routes:ROUTES",
    events=(INVITED, ACCEPTED),
    purposes=(PURPOSE,),
)
