"""`tuningfork backup` and `restore`, as an operator uses them, on a database of its own."""

import asyncio
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from app.accounts.schemas import LinkPurpose
from app.accounts.service.links import make_link
from app.core.settings import Settings
from app.embedded.layout import DataDir
from app.embedded.migrate import upgrade
from app.embedded.postgres import EmbeddedPostgres
from app.main import create_app
from tests.embedded.harness import CLI, clean_environment, cli, running_tree, wait_until
from tests.factories.accounts import make_user, sign_in
from tests.factories.hub import make_repository
from tests.factories.jobs import FakeWorker, make_job

SMALL = ("--workers", "0", "--no-starter")
BIG = os.urandom(200_000)


@dataclass
class Kept:
    """A site that was filled and backed up, then stopped."""

    data: DataDir
    shelf: Path
    settings: Settings
    cookie: str
    link: str

    def cli(self, *words: str, ok: bool = True) -> str:
        done = cli(*words, "--data-dir", str(self.data.root))
        assert (done.returncode == 0) is ok, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def list(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.cli("backup", "list", "--json"))
        return found


def _remove_cluster(data: Path) -> None:
    place = EmbeddedPostgres(data / "postgres").place()
    if not place.is_relative_to(data):
        shutil.rmtree(place.parent)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp("kept")
    data = DataDir(folder / "data")
    data.make()
    server = EmbeddedPostgres(data.postgres)
    url = server.start()
    try:
        upgrade(url)
        settings = Settings(
            database_url=url, storage_url=data.blobs.as_uri(), data_dir=data.root,
            secret_key=data.secrets().secret_key, worker_key="test-worker-key", log_level="error",
        )  # fmt: skip
        cookie, link = asyncio.run(_fill(settings))
    finally:
        server.stop()
    site = Kept(data, folder / "data-backups", settings, cookie, link)
    made = site.cli("backup", "create")
    assert "Made the backup" in made
    yield site
    _remove_cluster(data.root)


async def _fill(settings: Settings) -> tuple[str, str]:
    app = create_app(settings)
    database, transport = app.state.database, httpx.ASGITransport(app=app)
    ada = await make_user(database, "ada")
    await make_repository(database, app.state.storage, ada, "net", files={"big.txt": BIG})
    async with database.transaction() as db:
        link = await make_link(db, ada.id, LinkPurpose.RESET, "ada@example.org")
        await make_job(db, ada.id)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        await sign_in(client, "ada")
        worker = FakeWorker(client)
        assert await worker.claim()
        state = await worker.store("checkpoints/1/a", b"x" * 1000, "checkpoint")
        body = {"stage": 0, "epoch": 1, "step": 10, "files": [state]}
        assert (await worker.post("checkpoints", body)).status_code == 201
        cookie = str(client.cookies["session"])
    await database.close()
    return cookie, link


@pytest.fixture(scope="module")
def restored(
    kept: Kept, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple["_Answers", str]]:
    """A site that was brought back, asked in process."""
    data = DataDir(tmp_path_factory.mktemp("restored") / "data")
    done = cli("restore", "--from", str(kept.shelf), "--data-dir", str(data.root))
    assert done.returncode == 0, done.stdout + done.stderr
    server = EmbeddedPostgres(data.postgres)
    url = server.start()
    try:
        yield _Answers(kept.settings, url, data), done.stdout
    finally:
        server.stop()
        _remove_cluster(data.root)


class _Answers:
    """Asks the restored site one thing at a time."""

    def __init__(self, settings: Settings, url: str, data: DataDir) -> None:
        update = {"database_url": url, "storage_url": data.blobs.as_uri()}
        self.url = url
        self.settings = settings.model_copy(update=update)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return asyncio.run(self._get(path, **options))

    async def _get(self, path: str, **options: Any) -> httpx.Response:
        app = create_app(self.settings)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://testserver", cookies=options.pop("cookies", None)
        ) as client:
            answer = await client.get(path, **options)
        await app.state.database.close()
        return answer

    def claim(self) -> dict[str, Any]:
        return asyncio.run(self._claim())

    async def _claim(self) -> dict[str, Any]:
        app = create_app(self.settings)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            worker = FakeWorker(client)
            assert await worker.claim()
        await app.state.database.close()
        return worker.claimed


Back = tuple[_Answers, str]


def test_a_backup_is_listed_with_what_it_holds(kept: Kept) -> None:
    found = kept.list()[0]
    assert (found["kind"], found["num_blobs"]) == ("base", 2)
    assert found["rows"]["accounts_account"] == [1, 1]
    assert found["id"] in kept.cli("backup", "list")
    assert len(kept.list()) == 1


def test_files_come_back_byte_for_byte(restored: Back) -> None:
    answer = restored[0].get("/ada/net/resolve/main/big.txt")
    assert hashlib.sha256(answer.content).digest() == hashlib.sha256(BIG).digest()


def test_an_old_session_is_dead_after_a_restore(kept: Kept, restored: Back) -> None:
    assert "1 sessions" in restored[1]
    assert restored[0].get("/settings", cookies={"session": kept.cookie}).status_code != 200


def test_an_old_one_time_link_is_dead_after_a_restore(kept: Kept, restored: Back) -> None:
    assert restored[0].get("/reset-password", params={"token": kept.link}).status_code == 404


def test_a_running_job_goes_on_from_its_checkpoint_and_its_old_worker_is_shut_out(
    restored: Back,
) -> None:
    assert "1 running jobs" in restored[1]
    claimed = restored[0].claim()
    assert claimed["resume"]["epoch"] == 1
    assert claimed["attempt"] > 1000


def test_a_restore_is_in_the_audit_log(restored: Back) -> None:
    with psycopg.connect(restored[0].url) as connection:
        row = connection.execute("SELECT after FROM core_audit WHERE action = 'site.restored'")
        assert row.fetchone() == ({"num_sessions": 1, "num_links": 1, "num_jobs": 1},)


def test_a_restore_into_a_used_directory_is_refused(kept: Kept) -> None:
    said = kept.cli("restore", "--from", str(kept.shelf), ok=False)
    assert "is not empty" in said
    assert (kept.data.root / "secrets.json").is_file()


@pytest.mark.faults
def test_a_restore_that_was_cut_short_keeps_the_site_from_starting_and_begins_anew(
    kept: Kept, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    new.mkdir()
    (new / "restoring").touch()
    (new / "half").write_text("of something")
    started = cli("up", "--data-dir", str(new), "--port", "0")
    assert "only half brought back" in started.stderr
    done = cli("restore", "--from", str(kept.shelf), "--data-dir", str(new))
    assert done.returncode == 0, done.stderr
    assert not (new / "half").exists()
    assert not (new / "restoring").exists()
    _remove_cluster(new)


def test_a_time_before_the_first_backup_is_refused(kept: Kept, tmp_path: Path) -> None:
    words = ["restore", "--from", str(kept.shelf), "--at", "2020-01-01T00:00:00+00:00"]
    done = cli(*words, "--data-dir", str(tmp_path / "new"))
    assert done.returncode == 1
    assert "The first moment is" in done.stderr
    assert not (tmp_path / "new").exists()


def test_a_backup_that_was_cut_short_is_never_listed(kept: Kept) -> None:
    half = kept.shelf / "20990101T000000Z.part"
    shutil.copytree(kept.shelf / kept.list()[0]["id"], half)
    assert len(kept.list()) == 1


def test_a_whole_backup_is_found_whole(kept: Kept) -> None:
    assert "is whole." in kept.cli("backup", "verify")
    assert "  tried  " in kept.cli("backup", "list")


def test_damaged_bytes_are_found_and_named(kept: Kept) -> None:
    blob = next((kept.shelf / "blobs" / "lfs").rglob("*/*/*"))
    content = blob.read_bytes()
    blob.write_bytes(b"y" + content[1:])
    try:
        said = kept.cli("backup", "verify", ok=False)
    finally:
        blob.write_bytes(content)
    assert f"The bytes {blob.relative_to(kept.shelf / 'blobs')} are damaged" in said


def test_pruning_removes_what_only_older_backups_needed(kept: Kept, tmp_path: Path) -> None:
    shelf = tmp_path / "kept"
    shutil.copytree(kept.shelf, shelf)
    newest = kept.list()[0]["id"]
    old = shelf / "20200101T000000Z"
    shutil.copytree(shelf / newest, old)
    record = json.loads((old / "backup.json").read_text()) | {
        "id": old.name, "began": "2020-01-01T00:00:00Z", "moment": "2020-01-01T00:00:01Z"
    }  # fmt: skip
    (old / "backup.json").write_text(json.dumps(record))
    blob = shelf / "blobs" / "lfs" / "aa" / "gone"
    blob.parent.mkdir(exist_ok=True)
    blob.write_bytes(b"x")
    os.utime(blob, (0, 0))
    with (shelf / "blobs.tsv").open("a") as index:
        index.write(f"lfs/aa/gone\t1\t{hashlib.sha256(b'x').hexdigest()}\n")
    said = kept.cli("backup", "prune", "--keep", "1", "--from", str(shelf))
    assert "Removed 1 backups, 0 segments of log and 1 stored objects." in said
    assert not blob.exists()
    assert len(list((shelf / "blobs" / "lfs").rglob("*/*/*"))) == 1
    assert kept.cli("backup", "list", "--from", str(shelf)).startswith(newest)


@pytest.mark.faults
def test_a_killed_backup_leaves_nothing_that_counts_and_the_next_one_works(
    kept: Kept, tmp_path: Path
) -> None:
    shelf = tmp_path / "kept"
    words = ["backup", "create", "--to", str(shelf), "--data-dir", str(kept.data.root)]
    making = subprocess.Popen([*CLI, *words], env=clean_environment(), stdout=subprocess.DEVNULL)
    wait_until(lambda: list(shelf.glob("*.part/base")))
    making.kill()
    making.wait()
    assert "There is no backup" in kept.cli("backup", "list", "--from", str(shelf))
    kept.cli("backup", "create", "--to", str(shelf))
    assert list(shelf.glob("*.part")) == []
    assert "is whole." in kept.cli("backup", "verify", "--from", str(shelf))


@pytest.mark.faults
def test_a_full_disk_is_told_and_leaves_nothing_behind(kept: Kept, tmp_path: Path) -> None:
    shelf = tmp_path / "small"
    shelf.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", str(shelf)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us make a small disk")
    try:
        (shelf / "filler").write_bytes(b"x" * (79 << 20))
        said = kept.cli("backup", "create", "--to", str(shelf), ok=False)
        assert "There is no room left at" in said
        assert list(shelf.glob("2*")) == []
    finally:
        subprocess.run(["umount", str(shelf)], check=True)


DOCS = Path(__file__).resolve().parents[2] / "docs" / "operations"


def _commands(page: str) -> list[str]:
    """Return the commands of a page, those of blocks without a language."""
    text = (DOCS / page).read_text()
    blocks = re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_the_commands_of_the_operators_guide_work_as_written(kept: Kept, tmp_path: Path) -> None:
    new, shelf = tmp_path / "new", tmp_path / "kept"
    env = {"TUNINGFORK_DATA_DIR": str(kept.data.root), "TUNINGFORK_BACKUP_DIR": str(shelf)}
    for line in [*_commands("backup.md"), *_commands("watch.md")]:
        words = line.replace("NEW", str(new)).replace("BACKUPS", str(shelf)).split()[1:]
        if words[0] == "up":
            with running_tree(new, *SMALL) as tree, tree.client() as client:
                assert client.get("/readyz").status_code == 200
            continue
        done = cli(*words, env=env)
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
    _remove_cluster(new)


@pytest.mark.parametrize("page", ["backup", "watch"])
def test_both_languages_of_the_guide_have_the_same_commands(page: str) -> None:
    assert _commands(f"{page}.md") == _commands(f"{page}.zh-CN.md") != []


def test_the_dashboard_asks_only_for_numbers_that_there_are() -> None:
    asked = set(re.findall(r"\btuningfork_[a-z_]+", (DOCS / "grafana.json").read_text()))
    told = set(re.findall(r"`((?:tuningfork|process)_[a-z_]+)", (DOCS / "watch.md").read_text()))
    assert {re.sub("_(bucket|count|sum)$", "", name) for name in asked} <= told
