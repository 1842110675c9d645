"""`python -m app.embedded.prepare`: migrate, then tell the supervisor what to print.

A process of its own, so that the supervisor stays small and never loads the site's code.
"""

import asyncio
import json
import sys

from app.core.db import Database
from app.core.logging import configure_logging
from app.core.settings import get_settings
from app.embedded.migrate import upgrade


async def setup_path(url: str) -> str | None:
    """Return the path of the one-time link that makes the first administrator, if none is there."""
    from app.accounts.service import first_admin_link

    database = Database(url, pool_size=1)
    try:
        async with database.transaction() as db:
            return await first_admin_link(db)
    finally:
        await database.close()


def main() -> None:
    """Write one JSON object to standard output: `{"setup_path": "/setup?token=…"}`."""
    settings = get_settings()
    configure_logging(settings.log_level, settings.log_format)
    url = settings.database_url
    upgrade(url)
    sys.stdout.write(json.dumps({"setup_path": asyncio.run(setup_path(url))}) + "\n")


if __name__ == "__main__":
    main()
