"""Claims with their reviews, as one viewer may see them."""

from collections import defaultdict

from app.accounts import service as accounts
from app.claims import queries
from app.claims.schemas import Claim, ClaimsView, ClaimView, ReviewView
from app.claims.service.stating import claims_of
from app.claims.tables import Review
from app.comments import service as comments
from app.comments.schemas import CommentView
from app.core.db import AsyncSession
from app.core.security import Viewer
from app.discussions import service as discussions
from app.hub.service import Repository


async def read_claims(db: AsyncSession, viewer: Viewer, repository: Repository) -> ClaimsView:
    """Return what a card claims, with the reviews of exactly that."""
    found = claims_of(repository)
    reviews = await _reviews(db, viewer, repository)
    talks = {row.key: row.discussion_id for row in await queries.talks(db, repository.id)}
    rooms = await discussions.discussions_by_id(db, {one for one in talks.values() if one})
    views = []
    for claim in found:
        room = rooms.get(talks.get(claim.key) or 0)
        views.append(
            ClaimView(
                claim=claim,
                reviews=reviews.pop((claim.key, claim.value), []),
                discussion=room.num if room else None,
                num_comments=room.num_comments + 1 if room else 0,
            )
        )
    return ClaimsView(views, [one for rest in reviews.values() for one in rest])


async def read_claim(
    db: AsyncSession, viewer: Viewer, repository: Repository, claim: Claim
) -> ClaimView:
    """Return one claim as it stands."""
    page = await read_claims(db, viewer, repository)
    return next(one for one in page.claims if one.claim.key == claim.key)


async def _reviews(
    db: AsyncSession, viewer: Viewer, repository: Repository
) -> dict[tuple[str, str], list[ReviewView]]:
    rows = await queries.reviews(db, repository.id)
    names = await accounts.names_of(db, {row.reviewer_id for row in rows})
    said = await comments.comments_by_id(
        db, {row.comment_id for row in rows if row.comment_id}, viewer
    )
    found: dict[tuple[str, str], list[ReviewView]] = defaultdict(list)
    for row in rows:
        words = said.get(row.comment_id or 0)
        if row.job_id is not None or _still_says(words):
            name = names.get(row.reviewer_id, "")
            found[row.key, row.value].append(_view(viewer, row, name, words))
    return found


def _still_says(words: CommentView | None) -> bool:
    # A doubt is worth its words: it goes when they are taken away, or kept back.
    return words is not None and bool(words.body)


def _view(viewer: Viewer, row: Review, name: str, words: CommentView | None) -> ReviewView:
    opens = row.job_id is not None and viewer.may_steer(row.reviewer_id)
    tells = row.shared or opens
    return ReviewView(
        reviewer_id=row.reviewer_id,
        reviewer=name,
        verdict=row.verdict,
        basis=row.basis,
        created_at=row.created_at,
        value=row.value,
        title=row.title,
        job_id=row.job_id if tells else None,
        is_private=row.job_id is not None and not tells,
        opens=opens,
        measured=row.measured if tells else None,
        words=words.body if words else "",
        comment_id=words.id if words else None,
    )
