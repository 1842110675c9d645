"""`tuningfork backup`: keep what the site holds, look at what is kept, and try it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from app.commands.context import data_dir_option

if TYPE_CHECKING:
    from app.backup.create import Site
    from app.backup.shelf import Shelf
    from app.core.backup_shelf import BackupRecord


Command = TypeVar("Command", bound=Callable[..., Any])


def shelf_option(name: str) -> Callable[[Command], Command]:
    """Return the option that says in which folder the backups lie."""
    return click.option(
        name,
        "shelf_dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of backups; TUNINGFORK_BACKUP_DIR, else `<data-dir>-backups`.",
    )


def shelf_at(data_dir: Path, shelf_dir: Path | None) -> "Shelf":
    """Return the folder of backups that is meant."""
    from app.backup.shelf import Shelf
    from app.core.settings import get_settings

    given = get_settings().backup_dir
    default = Path(given) if given else data_dir.absolute().with_name(f"{data_dir.name}-backups")
    return Shelf(shelf_dir or default)


@contextmanager
def told() -> Iterator[None]:
    """Turn what goes wrong into a sentence and status 1."""
    import psycopg
    from sqlalchemy.exc import SQLAlchemyError

    from app.backup.errors import BackupError
    from app.core.errors import AppError
    from app.embedded.errors import StartError

    try:
        yield
    except (BackupError, StartError, AppError) as error:
        raise click.ClickException(str(error)) from error
    except (psycopg.Error, SQLAlchemyError) as error:
        words = str(error).strip().splitlines() or [type(error).__name__]
        raise click.ClickException(
            f"The database refused: {words[0]}. `tuningfork doctor` says how it stands."
        ) from error


@contextmanager
def opened_site(data_dir: Path) -> "Iterator[Site]":
    """Give the site to keep: the one on the data directory, or the one the environment names."""
    from app.backup.create import Site
    from app.backup.source import opened
    from app.core.settings import get_settings
    from app.embedded.layout import DataDir

    settings, data = get_settings(), DataDir(data_dir)
    running = data.runtime()
    url = settings.storage_url or (running.storage_url if running else data.blobs.as_uri())
    with opened(data, settings.database_url) as source:
        yield Site(source, settings.model_copy(update={"storage_url": url}), data)


@click.group()
def backup() -> None:
    """Keep what the site holds in another folder, while it is used."""


@backup.command()
@data_dir_option
@shelf_option("--to")
def create(data_dir: Path, shelf_dir: Path | None) -> None:
    """Make a backup now; nobody who uses the site waits for it."""
    from app.backup.create import create as make

    with told(), opened_site(data_dir) as site:
        record = make(site, shelf_at(data_dir, shelf_dir), click.echo)
    click.echo(f"Made the backup {record.id} in {record.seconds:.1f} s: {_contents(record)}.")


def _contents(record: "BackupRecord") -> str:
    rows = sum(most for _least, most in record.rows.values())
    return (
        f"{rows} rows, {record.num_blobs} stored objects ({record.blob_bytes / 10**6:.1f} MB), "
        f"{record.new_blobs} of them new"
    )


@backup.command("list")
@data_dir_option
@shelf_option("--from")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of lines.")
def list_backups(data_dir: Path, shelf_dir: Path | None, *, as_json: bool) -> None:
    """List the backups that are whole, the oldest first."""
    import json

    from app.core.backup_shelf import backups_in, verdict_of

    root = shelf_at(data_dir, shelf_dir).root
    found = backups_in(root)
    if as_json:
        click.echo(json.dumps([one.model_dump(mode="json") for one in found], indent=2))
        return
    if not found:
        click.echo(f"There is no backup in {root}.")
    for one in found:
        verdict = verdict_of(root, one.id)
        tried = "not tried" if verdict is None else "damaged" if verdict.problems else "tried"
        click.echo(f"{one.id}  {one.moment:%Y-%m-%d %H:%M:%S %z}  {tried}  {_contents(one)}")


@backup.command()
@click.argument("backup_id", default="")
@data_dir_option
@shelf_option("--from")
@click.option("--sample", type=click.IntRange(min=0), help="Read so many stored objects, not all.")
def verify(backup_id: str, data_dir: Path, shelf_dir: Path | None, sample: int | None) -> None:
    """Try a backup, the newest when none is named; ends with 1 if it could not be brought back."""
    from app.backup.verify import verify as look

    with told():
        shelf = shelf_at(data_dir, shelf_dir)
        record = shelf.find(backup_id)
        verdict = look(shelf, record, sample, click.echo)
    for problem in verdict.problems:
        click.echo(f"ERROR  {problem}")
    if verdict.problems:
        raise click.exceptions.Exit(1)
    click.echo(f"The backup {record.id} is whole.")


@backup.command()
@data_dir_option
@shelf_option("--from")
@click.option("--keep", type=click.IntRange(min=1), help="How many stay; TUNINGFORK_BACKUP_KEEP.")
def prune(data_dir: Path, shelf_dir: Path | None, keep: int | None) -> None:
    """Remove all but the newest backups, and what only the removed ones needed."""
    from app.backup.retention import prune as remove
    from app.core.settings import get_settings

    with told():
        gone = remove(shelf_at(data_dir, shelf_dir), keep or get_settings().backup_keep)
    click.echo(
        f"Removed {len(gone.backups)} backups, {gone.num_segments} segments of log and "
        f"{gone.num_blobs} stored objects."
    )


@backup.command()
@data_dir_option
@shelf_option("--to")
@click.option("--sync-every", type=click.FloatRange(min=0.1), default=240.0, show_default=True)
def keep(data_dir: Path, shelf_dir: Path | None, sync_every: float) -> None:
    """Keep the site all the time, until stopped; `tuningfork up` starts it by itself.

    The log is received as it is written, stored bytes every few minutes (in seconds), and a whole
    backup is made when TUNINGFORK_BACKUP_EVERY_H says that one is due.
    """
    from app.backup.keeper import Keeper

    with told(), opened_site(data_dir) as site:
        shelf = shelf_at(data_dir, shelf_dir)
        shelf.make()
        Keeper(site, shelf, _said, sync_every).run()


def _said(words: str) -> None:
    from app.core.clock import now

    click.echo(f"{now():%Y-%m-%d %H:%M:%S} {words}")
