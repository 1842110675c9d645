"""Write a migration from the difference between the tables and what `migrations/` builds.

`python -m tools.migration "Add runs"` starts a throw-away PostgreSQL, migrates it to the newest
revision, compares it with `app.tables`, and writes a dated file for the rest.
"""

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config

from app.core.db import driver_url
from app.core.files import resource_dir
from app.embedded.migrate import upgrade
from app.embedded.postgres import EmbeddedPostgres


def main() -> None:
    """Run the command line."""
    message = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder), durable=False)
        url = server.start()
        try:
            upgrade(url)
            config = Config()
            config.set_main_option("script_location", str(resource_dir("migrations")))
            config.attributes["url"] = driver_url(url)
            slug = datetime.now(UTC).strftime("%Y_%m_%d_%H%M")
            config.set_main_option("file_template", f"{slug}_%%(slug)s")
            command.revision(config, message, autogenerate=True)
        finally:
            server.remove()


if __name__ == "__main__":
    main()
