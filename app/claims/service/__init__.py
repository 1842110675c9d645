"""What claims do for pages and the API."""

from app.claims.service.reading import read_claim, read_claims
from app.claims.service.reviewing import comment, review, withdraw
from app.claims.service.stating import claim_of

__all__ = ["claim_of", "comment", "read_claim", "read_claims", "review", "withdraw"]
