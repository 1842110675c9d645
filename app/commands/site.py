"""`tuningfork up`, `down` and `migrate`."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.commands.context import data_dir_option, database_url

if TYPE_CHECKING:
    from app.core.settings import Settings

STOP_S = 90.0


@click.command()
@data_dir_option
@click.option("--host", help="Address to bind; loopback when not given.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; the next free one if taken.")
@click.option("--workers", type=click.IntRange(0, 64), default=1, show_default=True)
@click.option("--starter/--no-starter", default=True, help="Import the starter repositories.")
def up(data_dir: Path, host: str | None, port: int | None, workers: int, *, starter: bool) -> None:
    """Start the site with its database, its broker and its workers; Ctrl-C stops them all."""
    from app.core.settings import get_settings
    from app.embedded.errors import StartError
    from app.embedded.tree import Tree, UpOptions

    settings = get_settings()
    options = UpOptions(
        data_dir=data_dir,
        host=host or settings.host,
        port=settings.port if port is None else port,
        workers=workers,
        starter=starter,
    )
    try:
        Tree(options, settings, click.echo).run()
    except StartError as error:
        raise click.ClickException(str(error)) from error


@click.command()
@data_dir_option
def down(data_dir: Path) -> None:
    """Stop the site that `tuningfork up` runs on a data directory, and wait until it has ended."""
    from app.embedded.layout import DataDir
    from app.embedded.tree import stop_running

    data = DataDir(data_dir)
    if not stop_running(data):
        click.echo(f"Nothing runs on {data.root}.")
        return
    deadline = time.monotonic() + STOP_S
    while data.is_held():
        if time.monotonic() > deadline:
            raise click.ClickException(f"It did not stop within {STOP_S:g} s; see {data.logs}.")
        time.sleep(0.1)
    click.echo("Stopped.")


@click.command()
@data_dir_option
def migrate(data_dir: Path) -> None:
    """Bring the database to the newest schema. `tuningfork up` does so by itself."""
    from app.embedded.migrate import upgrade

    before = upgrade(database_url(data_dir))
    click.echo(
        "The schema is current." if before.is_current else "The schema was brought up to date."
    )


@click.command()
def serve() -> None:
    """Serve the site alone, against the servers that the environment names; migrates first."""
    from app.core.settings import get_settings
    from app.embedded.migrate import upgrade

    settings = get_settings()
    missing = [name for name, value in _needed(settings) if not value]
    if missing:
        raise click.ClickException(
            f"{', '.join(missing)} must be set; `tuningfork up` needs none of them."
        )
    upgrade(settings.database_url)
    where = ["--host", settings.host, "--port", str(settings.port)]
    # Replaced, not started: signals of a container reach the site itself.
    os.execv(sys.executable, [sys.executable, "-m", "app.embedded.site", *where])  # noqa: S606 - no shell


def _needed(settings: "Settings") -> list[tuple[str, str]]:
    return [
        ("DATABASE_URL", settings.database_url),
        ("STORAGE_URL", settings.storage_url),
        ("TUNINGFORK_SECRET_KEY", settings.secret_key.get_secret_value()),
        ("TUNINGFORK_WORKER_KEY", settings.worker_key.get_secret_value()),
    ]
