"""The Hugging Face protocol as routes, in the order in which they must be tried."""

from fastapi import APIRouter

from app.hfapi.api import (
    access_requests,
    account,
    buckets,
    collections,
    commits,
    discussions,
    jobs,
    left_out,
    lfs,
    lfs_objects,
    likes,
    lists,
    oauth,
    people,
    repositories,
    resolve,
    revisions,
    safetensors,
    storage,
    trees,
    webhooks,
    xet,
    xet_reading,
)

# Exact addresses and those below /api and /xet; may stand before any page.
router = APIRouter()
router.include_router(jobs.router)
router.include_router(account.router)
router.include_router(people.router)
router.include_router(oauth.router)
router.include_router(collections.router)
router.include_router(buckets.router)
router.include_router(webhooks.router)
router.include_router(lfs_objects.router)
router.include_router(xet_reading.bytes_router)
router.include_router(xet_reading.router)
router.include_router(xet.cas_router)
router.include_router(left_out.router)  # after every other exact address
_PARTS = (lists, commits, discussions, xet, trees, revisions, access_requests, likes, repositories)
for _plural in ("models", "datasets"):
    for _part in _PARTS:
        router.include_router(_part.router, prefix=f"/api/{_plural}")
    router.include_router(storage.router, prefix=f"/api/{_plural}")
    router.include_router(safetensors.router, prefix=f"/api/{_plural}")
    router.include_router(repositories.unknown_router, prefix=f"/api/{_plural}")

# Addresses under a repository's own name; they must come before the pages' catch-all.
repository_router = APIRouter()
for _prefix in ("/datasets", ""):
    repository_router.include_router(lfs.router, prefix=_prefix)
    repository_router.include_router(resolve.router, prefix=_prefix)
