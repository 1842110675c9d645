"""`tuningfork backup keep`: what happened since the last backup comes back too."""

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.core.backup_shelf import backups_in, newest_moment
from app.embedded.postgres import EmbeddedPostgres
from tests.embedded.harness import CLI, RunningTree, cli, running_tree, wait_until

SMALL = ("--workers", "0", "--no-starter")
PASSWORD = "correct horse battery staple\n"

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


def _remove_cluster(data: Path) -> None:
    place = EmbeddedPostgres(data / "postgres").place()
    shutil.rmtree(place if place.is_relative_to(data) else place.parent, ignore_errors=True)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for data in ("data", "newest", "earlier"):
        _remove_cluster(tmp_path / data)


def _join(tree: RunningTree, name: str) -> datetime:
    made = tree.cli(
        "user", "create", name, "--email", f"{name}@example.org", "--password-stdin", stdin=PASSWORD
    )
    assert made.returncode == 0, made.stderr
    return datetime.now(UTC)


def _members(data: Path, shelf: Path, *words: str) -> set[str]:
    done = cli("restore", "--from", str(shelf), *words, "--data-dir", str(data))
    assert done.returncode == 0, done.stdout + done.stderr
    server = EmbeddedPostgres(data / "postgres")
    import psycopg

    with psycopg.connect(server.start()) as connection:
        found = {row[0] for row in connection.execute("SELECT name FROM accounts_account")}
    server.stop()
    return found


def test_what_was_written_after_the_last_backup_comes_back_and_any_moment_before_it(
    folder: Path,
) -> None:
    shelf = folder / "kept"
    with running_tree(folder / "data", *SMALL) as tree:
        keeping = subprocess.Popen(
            [*CLI, "backup", "keep", "--to", shelf, "--sync-every", "0.5", "--data-dir", tree.data],
            env=tree.env,
        )
        wait_until(lambda: backups_in(shelf), 120)
        first = _join(tree, "first")
        second = _join(tree, "second")
        wait_until(lambda: (newest_moment(shelf) or first) > second, 120)
        keeping.send_signal(signal.SIGKILL)
        keeping.wait()
        tree.stop(signal.SIGKILL)
    assert len(backups_in(shelf)) == 1
    assert {"first", "second"} <= _members(folder / "newest", shelf)
    assert "second" not in _members(folder / "earlier", shelf, "--at", first.isoformat())


def test_a_tree_keeps_itself_and_goes_on_after_a_kill(folder: Path) -> None:
    env = {"TUNINGFORK_BACKUP_DIR": str(folder / "kept")}
    with running_tree(folder / "data", *SMALL, env=env) as tree:
        wait_until(lambda: backups_in(folder / "kept"), 120)
        tree.wait_replaced("backup", tree.kill("backup"))
        found = json.loads(tree.cli("doctor", "--json", "--backups", str(folder / "kept")).stdout)
    assert list((folder / "kept" / "wal").glob("*/0*"))
    assert {one["level"] for one in found if one["check"] == "backup"} == {"ok"}
