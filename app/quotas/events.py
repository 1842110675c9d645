"""News of limits."""

from dataclasses import dataclass

from app.quotas.schemas import Kind


@dataclass(frozen=True)
class LimitNeared:
    """An account has come to 80 % of one of its limits; told once until it falls below again."""

    account_id: int
    kind: Kind
    crossing_id: int
