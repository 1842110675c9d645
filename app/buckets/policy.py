"""Who may see and change a bucket: the only door to one."""

from app.accounts import policy as accounts_policy
from app.accounts import service as accounts
from app.accounts.schemas import AccountRef, Role
from app.buckets import queries
from app.buckets.tables import Bucket
from app.core.db import AsyncSession
from app.core.errors import ForbiddenError, NotFoundError
from app.core.i18n import _
from app.core.security import Viewer


def bucket_not_found() -> NotFoundError:
    """Return the one answer for a missing and for an invisible bucket; clients read its code."""
    return NotFoundError(
        _("Bucket not found."),
        fix=_("Check the name; a private bucket needs a token that may read it."),
        code="RepoNotFound",
        headers={"X-Error-Code": "RepoNotFound"},
    )


async def owner_named(db: AsyncSession, viewer: Viewer, name: str) -> AccountRef:
    """Return the account of this name; `me` is the viewer.

    Raises:
        NotFoundError: there is no such account.
    """
    if name == "me":
        viewer.require_user()
        name = viewer.name
    found = await accounts.find_account(db, name)
    if found is None:
        raise bucket_not_found()
    return found


async def may_write(db: AsyncSession, viewer: Viewer, bucket: Bucket) -> bool:
    """Whether `viewer` may put files into this bucket."""
    if viewer.only_repos is not None:
        return False
    role = await accounts_policy.role_for(db, viewer, bucket.owner_id)
    if role >= Role.WRITE:
        return True
    return role is Role.CONTRIBUTOR and bucket.creator_id == viewer.user_id


async def may_create_for(db: AsyncSession, viewer: Viewer, owner_id: int) -> bool:
    """Whether `viewer` may make a bucket under this account."""
    if viewer.only_repos is not None:
        return False
    return await accounts_policy.role_for(db, viewer, owner_id) >= Role.CONTRIBUTOR


async def access_bucket(db: AsyncSession, viewer: Viewer, owner: str, name: str) -> Bucket:
    """Return the bucket at this address, whatever the case of the letters.

    Raises:
        NotFoundError: there is none, or the viewer may not see it; the answer never tells which.
    """
    account = await owner_named(db, viewer, owner)
    return await _visible(db, viewer, await queries.bucket_by_name(db, account.id, name.casefold()))


async def access_by_id(db: AsyncSession, viewer: Viewer, bucket_id: int) -> Bucket:
    """Return the bucket with this id.

    Raises:
        NotFoundError: there is none, or the viewer may not see it.
    """
    return await _visible(db, viewer, await queries.bucket_by_id(db, bucket_id))


async def _visible(db: AsyncSession, viewer: Viewer, bucket: Bucket | None) -> Bucket:
    if bucket is None:
        raise bucket_not_found()
    if not bucket.private:
        return bucket
    if viewer.only_repos is not None:
        raise bucket_not_found()
    if await accounts_policy.role_for(db, viewer, bucket.owner_id) < Role.READ:
        raise bucket_not_found()
    return bucket


async def access_for_write(db: AsyncSession, viewer: Viewer, owner: str, name: str) -> Bucket:
    """Return the bucket if the viewer may put files into it.

    Raises:
        NotFoundError: there is none, or the viewer may not see it.
        ForbiddenError: the viewer may see it, but not change it.
    """
    found = await access_bucket(db, viewer, owner, name)
    viewer.require_user()
    if not await may_write(db, viewer, found):
        raise ForbiddenError(
            _("You may not change this bucket."), fix=_("Work in a bucket of your own.")
        )
    return found
