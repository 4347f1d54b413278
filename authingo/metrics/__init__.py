"""Metrics: what a program does, as numbers for Prometheus and OpenTelemetry."""

from authingo.capabilities import Capability
from authingo.metrics.settings import MetricsSettings

METRICS = Capability(
    name="metrics",
    settings=MetricsSettings,
    measures="authingo.metrics.switch:measures",
    background="authingo.metrics.background:measuring",
)
