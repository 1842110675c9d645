"""Limits, usage and fairness; other features call these and nothing deeper."""

from app.quotas.service.checking import full, growing, require_room, require_room_for, room_left
from app.quotas.service.limits import adjust, history, limit_for, limits_for, set_limit
from app.quotas.service.recounting import close_day, drift, mend
from app.quotas.service.usage import lines, measure, show_places, usage, used
from app.quotas.service.warnings import crossings

__all__ = [
    "adjust",
    "close_day",
    "crossings",
    "drift",
    "full",
    "growing",
    "history",
    "limit_for",
    "limits_for",
    "lines",
    "measure",
    "mend",
    "require_room",
    "require_room_for",
    "room_left",
    "set_limit",
    "show_places",
    "usage",
    "used",
]
