"""The page of a bucket: one level of its files."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.buckets import policy, service
from app.core.http import Db, RepoReader, site_address
from app.core.templating import render

router = APIRouter(include_in_schema=False)

_PAGE = 200


@router.get("/buckets/{owner}/{name}")
async def show(  # the address, and where in it
    request: Request,
    db: Db,
    viewer: RepoReader,
    owner: str,
    name: str,
    path: Annotated[str, Query(max_length=4096)] = "",
) -> Response:
    """List a folder of a bucket."""
    found = await policy.access_bucket(db, viewer, owner, name)
    folder = path.strip("/")
    prefix = f"{folder}/" if folder else ""
    after = request.query_params.get("after", "")
    rows, following = await service.list_level(db, found, prefix, after, _PAGE)
    return render(
        request,
        "buckets/show.html",
        viewer=viewer,
        bucket=await service.view(db, found),
        folder=folder,
        prefix=prefix,
        rows=rows,
        following=following,
        site=site_address(request),
    )
