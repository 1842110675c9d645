"""Which stored bytes the files of jobs need."""

from collections.abc import Collection

from sqlalchemy import select

from app.core.db import AsyncSession
from app.jobs.tables import Artifact


async def digests_in_use(db: AsyncSession, digests: Collection[str]) -> set[str]:
    """Return which of these hashes some file of a job has."""
    statement = select(Artifact.sha256).where(Artifact.sha256.in_(digests))
    return set((await db.scalars(statement)).all())
