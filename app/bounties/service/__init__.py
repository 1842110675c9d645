"""What bounties do for the rest of the site; other features call these and nothing deeper."""

from app.bounties.service.giving import award, offer
from app.bounties.service.settling import settle_due
from app.bounties.service.views import bounties_of, last_giver, public_log

__all__ = ["award", "bounties_of", "last_giver", "offer", "public_log", "settle_due"]
