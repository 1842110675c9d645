"""`tuningfork restore`: bring a site back from a backup."""

from pathlib import Path

import click

from app.commands.backup import shelf_at, shelf_option, told
from app.commands.context import data_dir_option


@click.command()
@click.argument("backup_id", default="")
@data_dir_option
@shelf_option("--from")
@click.option("--at", default="", help="A time as 2026-01-31T13:00:00+00:00, or `end`.")
def restore(backup_id: str, data_dir: Path, shelf_dir: Path | None, at: str) -> None:
    """Bring a site back into an empty data directory; the newest whole moment when none is named.

    With BACKUP_ID the moment of that backup; with --at any moment since, or the very end of what
    was kept.
    """
    from app.backup.restore import choose
    from app.backup.restore import restore as bring_back
    from app.core.logging import configure_logging
    from app.core.settings import get_settings
    from app.embedded.layout import DataDir

    configure_logging("warning")
    with told():
        shelf = shelf_at(data_dir, shelf_dir)
        choice = choose(shelf, backup_id, at)
        click.echo(
            f"From the backup {choice.record.id}, made {choice.record.moment:%Y-%m-%d %H:%M:%S %z}."
        )
        done = bring_back(shelf, choice, DataDir(data_dir), get_settings(), click.echo)
    click.echo(
        f"Brought back in {done.seconds:.1f} s: {done.num_blobs} stored objects; "
        f"{done.settled.num_jobs} running jobs wait in their queues again; "
        f"{done.settled.num_sessions} sessions and {done.settled.num_links} one-time links ended."
    )
    click.echo(f"Start it with `tuningfork up --data-dir {data_dir}`.")
