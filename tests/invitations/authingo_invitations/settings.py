"""The settings of invitations, and the names of their events and secrets."""

from __future__ import annotations

from datetime import timedelta

from authingo.capabilities import CapabilityEvent
from authingo.config import CapabilitySettings, Duration, Settings
from authingo.errors import ConfigError

INVITED = CapabilityEvent("invitation_made")
ACCEPTED = CapabilityEvent("invitation_accepted")
PURPOSE = "invitation"


class InvitationSettings(CapabilitySettings, frozen=True):
    """The table [plugin.invitations] of authingo.toml."""

    enabled: bool = False
    lifetime: Duration = Duration(days=7)  # long enough for a holiday

    def check(self, settings: Settings) -> None:
        """Refuse what cannot work."""
        if self.lifetime <= timedelta(0):
            raise ConfigError("plugin.invitations.lifetime: must be longer than 0")
        if self.enabled and settings.public_url is None:
            raise ConfigError("plugin.invitations.enabled: needs public_url, for its links")


def are_enabled(settings: Settings) -> bool:
    """Return whether invitations are turned on."""
    return settings.of(InvitationSettings).enabled
