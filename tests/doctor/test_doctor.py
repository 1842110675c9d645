"""`tuningfork doctor`: what it sees, in the language of the terminal, and how it ends."""

import json
from pathlib import Path

from app.core.db import Database
from app.core.settings import Settings
from tests.embedded.harness import cli
from tests.factories.accounts import make_user
from tests.factories.jobs import make_job


def look(
    tmp_path: Path, settings: Settings | None = None, *words: str
) -> tuple[int, list[dict[str, str]]]:
    env = {"DATABASE_URL": settings.database_url} if settings else {}
    done = cli("doctor", "--json", "--data-dir", str(tmp_path / "data"), *words, env=env)
    assert "Traceback" not in done.stderr
    found: list[dict[str, str]] = json.loads(done.stdout)
    return done.returncode, found


def of(findings: list[dict[str, str]], check: str) -> dict[str, str]:
    return next(one for one in findings if one["check"] == check)


async def test_jobs_without_a_worker_are_an_error_with_what_to_do(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    ada = await make_user(database, "ada")
    async with database.transaction() as db:
        await make_job(db, ada.id)
    status, findings = look(tmp_path, settings)
    assert status == 1
    queue = of(findings, "queue")
    assert (queue["level"], queue["message"]) == ("error", "1 jobs wait, and no worker is there.")
    assert "tuningfork up --workers 1" in queue["fix"]
    assert of(findings, "clock")["level"] == "ok"
    assert of(findings, "backup")["level"] == "warning"


def test_sentences_are_in_the_language_that_is_asked_for(tmp_path: Path) -> None:
    _status, findings = look(tmp_path, None, "--language", "zh-CN")
    assert of(findings, "disk")["message"].startswith("可用空间")


def test_a_backup_that_is_too_old_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "kept" / "20200101T000000Z"
    folder.mkdir(parents=True)
    (tmp_path / "data").mkdir()
    record = {
        "id": folder.name, "kind": "base", "began": "2020-01-01T00:00:00Z",
        "moment": "2020-01-01T00:00:01Z", "seconds": 1, "postgres": 18, "schema_revision": "x",
        "rows": {}, "num_blobs": 0, "blob_bytes": 0, "new_blobs": 0, "database_bytes": 0,
    }  # fmt: skip
    (folder / "backup.json").write_text(json.dumps(record))
    status, findings = look(tmp_path, None, "--backups", str(tmp_path / "kept"))
    assert status == 1
    assert of(findings, "backup")["level"] == "error"
    assert "tuningfork backup create" in of(findings, "backup")["fix"]
