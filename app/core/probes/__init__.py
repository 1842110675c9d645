"""Looking at what the site stands on: each probe answers within seconds and never raises.

The overview of administrators and `tuningfork doctor` ask the same probes.
"""

from app.core.probes.looking import (
    probe_broker,
    probe_clock,
    probe_database,
    probe_disk,
    probe_storage,
)
from app.core.probes.readings import Level, Reading, worst

__all__ = [
    "Level",
    "Reading",
    "probe_broker",
    "probe_clock",
    "probe_database",
    "probe_disk",
    "probe_storage",
    "worst",
]
