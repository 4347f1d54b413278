"""Whether anything is counted at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authingo.config import Settings
from authingo.metrics.settings import MetricsSettings

if TYPE_CHECKING:
    from authingo.metrics.measures import Measured


def measures(settings: Settings) -> Measured | None:
    """Return what counts, if metrics are on."""
    if not settings.of(MetricsSettings).on:
        return None
    from authingo.metrics.measures import Measured  # noqa: PLC0415 - only where metrics are on

    return Measured()
