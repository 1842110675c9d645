"""Claims of a model's card as JSON."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path

from app.claims import service
from app.claims.policy import access_model
from app.claims.schemas import (
    CardClaimOut,
    CardClaimsOut,
    ClaimCommentIn,
    ClaimReviewIn,
    ClaimReviewOut,
    ClaimView,
    ReviewView,
    SaidOut,
)
from app.core.http import CommunityWriter, Db, RepoReader
from app.hub.service import Repository

router = APIRouter(prefix="/api/v1/models/{owner}/{name}/claims", tags=["claims"])
Key = Annotated[str, Path(max_length=60, description="The key of the claim, as the list says it.")]
_REFUSED: dict[int | str, dict[str, Any]] = {
    403: {"description": "The claim is the caller's own."},
    409: {"description": "The run says nothing of this claim."},
    422: {"description": "A run or words are missing."},
}


async def _readable(db: Db, viewer: RepoReader, owner: str, name: str) -> Repository:
    return await access_model(db, viewer, owner, name)


async def _joinable(db: Db, viewer: CommunityWriter, owner: str, name: str) -> Repository:
    return await access_model(db, viewer, owner, name)


Readable = Annotated[Repository, Depends(_readable)]
Joinable = Annotated[Repository, Depends(_joinable)]


@router.get("")
async def list_claims(db: Db, viewer: RepoReader, model: Readable) -> CardClaimsOut:
    """Return what the model's card claims, and who has confirmed or doubted it."""
    found = await service.read_claims(db, viewer, model)
    return CardClaimsOut(
        claims=[_claim(one) for one in found.claims],
        earlier=[_review(one) for one in found.earlier],
    )


@router.put("/{key}/review", responses=_REFUSED)
async def review_claim(
    db: Db, viewer: CommunityWriter, model: Joinable, key: Key, given: ClaimReviewIn
) -> CardClaimOut:
    """Confirm a claim by a run of one's own, or doubt it in words.

    What the worker measured decides: a number far from the claimed one is kept as a doubt.
    """
    return _claim(await service.review(db, viewer, model, key, given))


@router.delete("/{key}/review")
async def withdraw_review(
    db: Db, viewer: CommunityWriter, model: Joinable, key: Key
) -> CardClaimOut:
    """Take one's review of the claim back."""
    return _claim(await service.withdraw(db, viewer, model, key))


@router.post("/{key}/comments", status_code=HTTPStatus.CREATED)
async def comment_claim(
    db: Db, viewer: CommunityWriter, model: Joinable, key: Key, given: ClaimCommentIn
) -> SaidOut:
    """Say something about a claim, in its discussion of the model."""
    return await service.comment(db, viewer, model, key, given.words)


def _claim(found: ClaimView) -> CardClaimOut:
    return CardClaimOut(
        key=found.claim.key,
        kind=found.claim.kind,
        title=found.claim.title,
        value=found.claim.value,
        standing=found.standing,
        discussion=found.discussion,
        reviews=[_review(one) for one in found.reviews],
    )


def _review(found: ReviewView) -> ClaimReviewOut:
    return ClaimReviewOut(
        reviewer=found.reviewer,
        verdict=found.verdict,
        basis=found.basis,
        value=found.value,
        created_at=found.created_at,
        job_id=found.job_id,
        is_private=found.is_private,
        measured=found.measured,
        words=found.words,
    )
