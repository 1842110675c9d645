"""`tuningfork gc`: give back the space of what nobody refers to any more."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.commands.context import data_dir_option, database_url, running_tree

if TYPE_CHECKING:
    from app.core.settings import Settings
    from app.hub.service.garbage import Freed


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@data_dir_option
def gc(data_dir: Path, *, dry_run: bool) -> None:
    """Remove stored bytes that nothing refers to; safe while the site runs.

    Things stay for a day after they were last sent, Xet bundles for four weeks.
    """
    from app.core.errors import AppError

    try:
        freed = asyncio.run(_collect(_settings(data_dir), dry_run=dry_run))
    except AppError as error:
        raise click.ClickException(str(error.message)) from error
    for kind, gone in freed.rows.items():
        click.echo(f"{kind}: {gone.count}")
    total = 0
    for prefix, gone in sorted(freed.objects.items()):
        click.echo(f"stored under {prefix}/: {gone.count} objects, {gone.size} bytes")
        total += gone.size
    click.echo(f"{'Would free' if dry_run else 'Freed'} {total} bytes.")


def _settings(data_dir: Path) -> "Settings":
    """Return the settings of the site on a data directory, or of the environment."""
    from app.core.settings import get_settings

    running = running_tree(data_dir)
    changes: dict[str, object] = {"database_url": database_url(data_dir)}
    if running is not None and running.storage_url:
        changes["storage_url"] = running.storage_url
    return get_settings().model_copy(update=changes)


async def _collect(settings: "Settings", *, dry_run: bool) -> "Freed":
    from app.core.db import Database
    from app.core.logging import configure_logging
    from app.core.storage import open_storage
    from app.hub.service.garbage import Collector
    from app.jobs.service import garbage as jobs_garbage

    configure_logging("warning")
    database, storage = Database(settings.database_url, pool_size=2), open_storage(settings)
    try:
        collector = Collector(database, storage, [jobs_garbage.keys_in_use])
        return await (collector.rehearse() if dry_run else collector.collect())
    finally:
        await storage.close()
        await database.close()
