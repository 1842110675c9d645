"""What the runs of a recipe came to, as a small picture: a dot a run, over what was claimed."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.i18n import _
from app.core.templating import percent
from app.tutorials.schemas import Claim, Reproduction

WIDTH = 320
_MARGIN = 10
_HALF_WIDTHS = 2.5


@dataclass(frozen=True)
class Dot:
    """A run; `text` is its value in words."""

    x: float
    y: float
    matches: bool
    text: str


@dataclass(frozen=True)
class SpreadPicture:
    """A line of values: the claimed band from `low` to `high`, the claim itself, and the dots."""

    low: float
    high: float
    claimed: float
    claimed_text: str
    dots: Sequence[Dot]
    left: str
    right: str


def told(value: float, *, is_share: bool, digits: int = 1) -> str:
    """Return a value of a measure as people read it."""
    return percent(value, digits) if is_share else f"{value:.4g}"


def claim_words(claim: Claim) -> str:
    """Return a claim as people read it: `93.4 % ± 1.0`."""
    if claim.is_share:
        return f"{claim.value * 100:.1f} % ± {claim.tolerance * 100:.1f}"
    return f"{claim.value:.4g} ± {claim.tolerance:.4g}"


def median_words(found: Reproduction) -> str:
    """Return the middle of the values with their spread; empty while there is none."""
    if found.median is None:
        return ""
    is_share = found.claim is None or found.claim.is_share
    words = told(found.median, is_share=is_share)
    if found.spread is None:
        return words
    spread = f"{found.spread * 100:.1f}" if is_share else f"{found.spread:.2g}"
    return f"{words} ± {spread}"


def spread_picture(found: Reproduction) -> SpreadPicture | None:
    """Return the picture of what runs came to; None without a claim or a value."""
    claim = found.claim
    values = [outcome.value for outcome in found.outcomes if outcome.value is not None]
    if claim is None or not values:
        return None
    reach = _HALF_WIDTHS * max(claim.tolerance, 1e-3)
    low, high = min([claim.value - reach, *values]), max([claim.value + reach, *values])

    def x(value: float) -> float:
        share = (value - low) / (high - low)
        return round(_MARGIN + min(1.0, max(0.0, share)) * (WIDTH - 2 * _MARGIN), 1)

    return SpreadPicture(
        low=x(claim.value - claim.tolerance),
        high=x(claim.value + claim.tolerance),
        claimed=x(claim.value),
        claimed_text=_("claimed: %(claim)s") % {"claim": claim_words(claim)},
        dots=_dots([(x(value), value) for value in sorted(values)], claim),
        left=told(low, is_share=claim.is_share),
        right=told(high, is_share=claim.is_share),
    )


def _dots(places: Sequence[tuple[float, float]], claim: Claim) -> list[Dot]:
    """Put dots that would lie upon one another in rows, as far as there is room."""
    made: list[Dot] = []
    for at, value in places:
        row = sum(abs(at - other.x) < 6 for other in made[-4:])  # noqa: PLR2004  # a dot's width
        matches = claim.holds_for(value)
        made.append(Dot(at, 26 - 6 * row, matches, told(value, is_share=claim.is_share)))
    return made
