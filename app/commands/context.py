"""What the commands share: which site is meant, and how its database is reached."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from app.embedded.layout import DataDir, Runtime

if TYPE_CHECKING:
    from app.core.db import AsyncSession
    from app.core.errors import AppError

T = TypeVar("T")

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


def site_address(data_dir: Path) -> str:
    """Return where people reach the site: what the operator says, else where it runs."""
    from app.core.settings import get_settings

    settings, running = get_settings(), running_tree(data_dir)
    found = settings.site_url or (running.address if running else "")
    return (found or f"http://{settings.host}:{settings.port}").rstrip("/")


def in_transaction(data_dir: Path, work: "Callable[[AsyncSession], Awaitable[T]]") -> T:
    """Run `work` in one transaction of the site's database and return its result.

    Raises:
        click.ClickException: there is no database, or the work was refused; with the reason.
    """
    from app.core.errors import AppError

    url = database_url(data_dir)
    try:
        return asyncio.run(_transaction(url, work))
    except AppError as error:
        raise click.ClickException(_sentence(error)) from error


async def _transaction(url: str, work: "Callable[[AsyncSession], Awaitable[T]]") -> T:
    from app.core.db import Database
    from app.core.logging import configure_logging

    configure_logging("warning")
    database = Database(url, pool_size=1)
    try:
        async with database.transaction() as db:
            return await work(db)
    finally:
        await database.close()


def _sentence(error: "AppError") -> str:
    parts = [str(error.message)]
    parts += [one.message for one in error.details if one.message not in parts]
    return " ".join([*parts, error.fix]).strip()
