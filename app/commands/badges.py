"""`tuningfork badges`: give what was earned now, not at night."""

import asyncio
from pathlib import Path

import click

from app.commands.context import data_dir_option, database_url


@click.command()
@data_dir_option
def badges(data_dir: Path) -> None:
    """Give every badge to everybody who has earned it; the site does so each night."""
    from app.core.errors import AppError

    try:
        given = asyncio.run(_give(database_url(data_dir)))
    except AppError as error:
        raise click.ClickException(str(error.message)) from error
    click.echo(f"Gave {given} badges.")


async def _give(url: str) -> int:
    from app.badges import service
    from app.core.db import Database
    from app.core.logging import configure_logging

    configure_logging("warning")
    database = Database(url, pool_size=1)
    try:
        return await service.give_all(database)
    finally:
        await database.close()
