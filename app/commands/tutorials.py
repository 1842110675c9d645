"""`tuningfork tutorials`: which recipes are tried every night, and trying them at once."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.commands.context import data_dir_option, database_url, running_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.core.db import Database
    from app.core.settings import Settings
    from app.jobs.service.examination import Doctor
    from app.tutorials.tables import Tutorial


@click.group()
def tutorials() -> None:
    """Look after the recipes of tutorials."""


@tutorials.command("check")
@click.argument("slugs", metavar="[SLUG]...", nargs=-1)
@data_dir_option
def check(slugs: tuple[str, ...], data_dir: Path) -> None:
    """Try the recipes of tutorials at once, those that are watched when none is named.

    They are queued as small jobs, whatever the hour; the running site tells what they come to.
    """
    from app.core.errors import AppError

    try:
        lines = asyncio.run(_check(_settings(data_dir), slugs))
    except AppError as error:
        raise click.ClickException(str(error.message)) from error
    for line in lines or ["No tutorial is watched."]:
        click.echo(line)


def _settings(data_dir: Path) -> "Settings":
    """Return the settings of the site on a data directory, or of the environment."""
    from app.core.settings import get_settings

    running = running_tree(data_dir)
    changes: dict[str, object] = {"database_url": database_url(data_dir)}
    if running is not None and running.storage_url:
        changes["storage_url"] = running.storage_url
    return get_settings().model_copy(update=changes)


async def _check(settings: "Settings", slugs: "Sequence[str]") -> list[str]:
    from app.core.db import Database
    from app.core.logging import configure_logging
    from app.core.security import ANONYMOUS
    from app.core.storage import open_storage
    from app.jobs.service.examination import Doctor
    from app.tutorials import policy
    from app.tutorials.service import checks

    configure_logging("warning")
    database, storage = Database(settings.database_url, pool_size=2), open_storage(settings)
    doctor = Doctor(database, storage, ANONYMOUS)
    try:
        async with database.transaction() as db:
            wanted = [await policy.access_tutorial(db, ANONYMOUS, slug) for slug in slugs]
            found = wanted or await checks.watched(db)
        return [await _begin(database, doctor, one) for one in found]
    finally:
        await storage.close()
        await database.close()


async def _begin(database: "Database", doctor: "Doctor", tutorial: "Tutorial") -> str:
    from app.core.errors import AppError
    from app.tutorials.service import checks

    try:
        async with database.transaction() as db:
            row = await checks.begin(db, doctor, tutorial)
            state, problem = row.state.value, row.problem
    except AppError as error:
        return f"{tutorial.slug}: {error.message}"
    return f"{tutorial.slug}: {state}{': ' + problem if problem else ''}"
