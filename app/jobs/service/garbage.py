"""Which objects of the store the files of jobs need."""

from collections.abc import Collection

from app.core.db import AsyncSession
from app.jobs.queries import garbage as queries
from app.jobs.service.files import storage_key


async def keys_in_use(db: AsyncSession, keys: Collection[str]) -> set[str]:
    """Return those keys under which the bytes of some file of a job lie."""
    digests = {key.rsplit("/", 1)[-1] for key in keys}
    needed = {storage_key(digest) for digest in await queries.digests_in_use(db, digests)}
    return needed & set(keys)
