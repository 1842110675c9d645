"""Git's transfer protocol over the hub's objects: what a fetch is sent and a push leaves."""

from app.hub.service.packs.sending import (
    PackPlan,
    advertised_refs,
    negotiate,
    pack_stream,
    plan_pack,
)

__all__ = ["PackPlan", "advertised_refs", "negotiate", "pack_stream", "plan_pack"]
