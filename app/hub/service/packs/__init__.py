"""Git's transfer protocol over the hub's objects: what a fetch is sent and a push leaves."""

from app.hub.service.packs.reading import PackFile
from app.hub.service.packs.receiving import Push, PushRefusedError
from app.hub.service.packs.sending import (
    PackPlan,
    advertised_refs,
    has_own_ref,
    negotiate,
    pack_stream,
    plan_pack,
)

__all__ = [
    "PackFile",
    "PackPlan",
    "Push",
    "PushRefusedError",
    "advertised_refs",
    "has_own_ref",
    "negotiate",
    "pack_stream",
    "plan_pack",
]
