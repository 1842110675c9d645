"""What the commands share: which site is meant, and how its database is reached."""

import os
from pathlib import Path

import click

from app.embedded.layout import DataDir, Runtime

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: os.environ.get("TUNINGFORK_DATA_DIR", "data"),
    help="Directory of the site; `data` when not given.",
)


def running_tree(data_dir: Path) -> Runtime | None:
    """Return the tree that `tuningfork up` runs on `data_dir`, or None."""
    return DataDir(data_dir).runtime()


def database_url(data_dir: Path) -> str:
    """Return the database to work on: `DATABASE_URL`, else that of the site which runs.

    Raises:
        click.ClickException: neither is there.
    """
    given = os.environ.get("DATABASE_URL", "")
    if given:
        return given
    running = running_tree(data_dir)
    if running is None or not running.database_url:
        raise click.ClickException(
            f"No site runs on {data_dir.absolute()}. Start it with `tuningfork up "
            f"--data-dir {data_dir}`, or set DATABASE_URL."
        )
    return running.database_url
