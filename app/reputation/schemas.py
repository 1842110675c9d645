"""What votes and good work are worth, in numbers the guide explains."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

# Two of each are given to everybody, so that a first vote does not decide about a person.
_GIVEN_GOOD, _GIVEN_ALL = 2, 4


class Reason(StrEnum):
    """Why points moved."""

    UPVOTED = "upvoted"
    DOWNVOTED = "downvoted"
    ACCEPTED = "accepted"
    EDIT_APPROVED = "edit-approved"
    BOUNTY_PUT_UP = "bounty-put-up"
    BOUNTY_WON = "bounty-won"
    BOUNTY_BACK = "bounty-back"


POINTS = {
    Reason.UPVOTED: 10,
    Reason.DOWNVOTED: -2,
    Reason.ACCEPTED: 15,
    Reason.EDIT_APPROVED: 2,
}


class Ability(StrEnum):
    """What good work opens to a person; moderators and administrators have all of them."""

    VOTE_DOWN = "vote-down"
    CREATE_TAG = "create-tag"
    EDIT = "edit"
    CLOSE = "close"
    CURATE = "curate"


@dataclass(frozen=True)
class Threshold:
    """The ratios somebody must reach: of posts, of suggested edits, of reports."""

    posts: float = 0.0
    edits: float = 0.0
    reports: float = 0.0


THRESHOLDS = {
    Ability.VOTE_DOWN: Threshold(posts=0.75),
    Ability.CREATE_TAG: Threshold(posts=0.75),
    Ability.EDIT: Threshold(edits=0.95),
    Ability.CLOSE: Threshold(posts=0.9, reports=0.95),
    Ability.CURATE: Threshold(posts=0.9, reports=0.99),
}


def ratio(good: int, bad: int) -> float:
    """Return the share of good ones among all, in (0, 1), as if two of each were there before."""
    return (good + _GIVEN_GOOD) / (good + bad + _GIVEN_ALL)


@dataclass(frozen=True)
class StandingView:
    """What somebody's work was found to be worth so far.

    Ratios lie in (0, 1); `badges` are numbers of golden, silver and bronze ones.
    """

    account_id: int
    points: int = 0
    posts: float = 0.5
    edits: float = 0.5
    reports: float = 0.5
    abilities: frozenset[Ability] = field(default_factory=frozenset)
    num_accepted: int = 0
    badges: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True)
class EntryView:
    """Points that moved; `comment_id` is the post they are about, as long as it is there."""

    id: int
    amount: int
    reason: Reason
    comment_id: int | None
    created_at: datetime


def abilities_for(posts: float, edits: float, reports: float) -> frozenset[Ability]:
    """Return what these ratios open."""
    return frozenset(
        ability
        for ability, asked in THRESHOLDS.items()
        if posts >= asked.posts and edits >= asked.edits and reports >= asked.reports
    )
