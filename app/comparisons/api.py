"""Comparisons as JSON."""

from http import HTTPStatus

from fastapi import APIRouter

from app.comparisons import service
from app.comparisons.schemas import ComparisonIn, ComparisonOut
from app.core.http import Anybody, CommunityWriter, Db

router = APIRouter(prefix="/api/v1/comparisons", tags=["questions"])


@router.post("", status_code=HTTPStatus.CREATED)
async def share(db: Db, viewer: CommunityWriter, new: ComparisonIn) -> ComparisonOut:
    """Put two to six runs of one's own beside each other, for everybody to see."""
    return ComparisonOut.model_validate((await service.share(db, viewer, new)).told())


@router.get("/{comparison_id}")
async def get_comparison(db: Db, viewer: Anybody, comparison_id: int) -> ComparisonOut:
    """Return a comparison; runs that its owner keeps back are left out."""
    return ComparisonOut.model_validate((await service.read(db, viewer, comparison_id)).told())


@router.delete("/{comparison_id}", status_code=HTTPStatus.NO_CONTENT)
async def withdraw(db: Db, viewer: CommunityWriter, comparison_id: int) -> None:
    """Remove a comparison of one's own and what was said under it."""
    await service.withdraw(db, viewer, comparison_id)
