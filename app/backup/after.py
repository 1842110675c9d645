"""What must happen to a site that was brought back before anybody may use it."""

import asyncio
from dataclasses import dataclass

import app.tables  # noqa: F401  # the features below need one another's tables
from app.accounts import service as accounts
from app.core import audit
from app.core.db import Database
from app.jobs.service import attempts

REASON = "The site was brought back from a backup."


@dataclass(frozen=True)
class Settled:
    """What was ended, and what goes on."""

    num_sessions: int
    num_links: int
    num_jobs: int


def settle(url: str, backup_id: str) -> Settled:
    """End all sign-ins and one-time links, queue all running jobs, and note it in the audit log.

    What was ended, used or cancelled after the backup's moment would be alive again otherwise.
    """
    return asyncio.run(_settle(url, backup_id))


async def _settle(url: str, backup_id: str) -> Settled:
    database = Database(url, pool_size=1)
    try:
        async with database.transaction() as db:
            num_sessions, num_links = await accounts.end_every_sign_in(db)
            num_jobs = await attempts.put_all_back(db, REASON)
            settled = Settled(num_sessions, num_links, num_jobs)
            await audit.record(db, None, "site.restored", backup_id, after=vars(settled))
        return settled
    finally:
        await database.close()
