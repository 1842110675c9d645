"""A repository as one file: out of one site, into another, the same commits and hashes."""

import asyncio
import hashlib
import io
import json
import random
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.accounts.schemas import AccountRef
from app.core.db import Database
from app.core.storage import open_storage
from app.hub import service as hub
from tests.conftest import Site
from tests.factories.accounts import bearer, make_token
from tests.imports.conftest import Hub, Importer
from tests.imports.sharing import LARGE, Shared

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = random.Random(2).randbytes(3_000_000)
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()
Command = Callable[..., Any]


async def tuningfork(url: str, token: str, *arguments: str) -> tuple[int, str]:
    """Run `tuningfork bundle` in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app.cli",
        "bundle",
        *arguments,
        cwd=ROOT,
        env={"TUNINGFORK_URL": url, "TUNINGFORK_TOKEN": token, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _nothing = await process.communicate()
    return process.returncode or 0, out.decode()


@pytest.fixture
async def shared(upstream: Hub, upstream_database: Database, bob: AccountRef) -> Shared:
    return Shared(upstream_database, open_storage(upstream.settings), bob)


@pytest.fixture
async def bundle(shared: Shared, importer: Importer, upstream: Hub, tmp_path: Path) -> Path:
    """Three commits with a large file, a branch and a tag, exported by the command."""
    made = await shared.repository("tiny", {"README.md": b"# Tiny\n", "a/b.txt": b"1"}, WEIGHTS)
    async with shared.database.transaction() as db:
        await hub.create_branch(db, made, "dev")
        await hub.create_tag(db, made, "v1", "main", "First")
    await shared.change(made, {"a/b.txt": b"2"})
    token = await make_token(shared.database, shared.owner, "read")
    file = tmp_path / "tiny.bundle"
    code, told = await tuningfork(upstream.url, token, "export", "bob/tiny", str(file))
    assert code == 0, told
    return file


async def described(client: Any, name: str) -> dict[str, Any]:
    """Everything of a repository that must be the same on both sides."""
    refs = (await client.get(f"/api/models/{name}/refs")).json()
    commits = (await client.get(f"/api/models/{name}/commits/main")).json()
    tree = (await client.get(f"/api/models/{name}/tree/main?recursive=true")).json()
    return {
        "refs": sorted((r["ref"], r["targetCommit"]) for r in refs["branches"] + refs["tags"]),
        "commits": [one["id"] for one in commits],
        "files": [(one["path"], one["oid"], one.get("lfs")) for one in tree],
    }


def read(file: Path) -> bytes:
    return file.read_bytes()


async def put(importer: Importer, name: str, content: bytes) -> Any:
    return await importer.client.put(f"/api/v1/bundles/models/ada/{name}", content=content)


async def test_a_bundle_makes_the_same_repository_elsewhere(
    bundle: Path, importer: Importer, site: Site, database: Database, ada: AccountRef, upstream: Hub
) -> None:
    token = await make_token(database, ada, "write")
    code, told = await tuningfork(site.url, token, "import", str(bundle), "ada/copy")
    assert code == 0, told
    import httpx

    async with httpx.AsyncClient(base_url=upstream.url) as theirs:
        there = await described(theirs, "bob/tiny")
    here = await described(importer.client, "ada/copy")
    assert here == there
    assert told.strip() == here["commits"][0]
    assert len(here["commits"]) == 3
    got = await importer.client.get(f"/ada/copy/resolve/main/{LARGE}")
    assert got.content == WEIGHTS
    old = await importer.client.get("/ada/copy/resolve/v1/a/b.txt")
    assert old.content == b"1"


async def test_one_revision_becomes_main(
    bundle: Path, importer: Importer, upstream: Hub, tmp_path: Path
) -> None:
    file = tmp_path / "one"
    code, told = await tuningfork(upstream.url, "", "export", "bob/tiny@v1", str(file))
    assert code == 0, told
    assert (await put(importer, "one", read(file))).status_code == 201
    found = await described(importer.client, "ada/one")
    assert [ref for ref, _oid in found["refs"]] == ["refs/heads/main"]
    assert len(found["commits"]) == 2


async def test_the_same_bundle_twice_is_once_and_a_later_one_brings_the_rest(
    bundle: Path, importer: Importer, shared: Shared, upstream: Hub, tmp_path: Path
) -> None:
    first = await put(importer, "copy", read(bundle))
    again = await put(importer, "copy", read(bundle))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    async with shared.database.transaction() as db:
        theirs = await shared.find(db, _viewer(shared), "bob", "tiny")
    await shared.change(theirs, {"new.txt": b"3"})
    later = tmp_path / "later"
    await tuningfork(upstream.url, "", "export", "bob/tiny", str(later))
    moved = await put(importer, "copy", read(later))
    assert moved.json()["commit"] == await shared.head(theirs)


async def test_commits_made_here_are_not_thrown_away(bundle: Path, importer: Importer) -> None:
    assert (await put(importer, "copy", read(bundle))).status_code == 201
    lines = [
        {"key": "header", "value": {"summary": "mine"}},
        {"key": "file", "value": {"path": "x", "content": "eA==", "encoding": "base64"}},
    ]
    body = "\n".join(json.dumps(line) for line in lines)
    made = await importer.client.post("/api/models/ada/copy/commit/main", content=body)
    assert made.status_code == 200, made.text
    refused = await put(importer, "copy", read(bundle))
    assert refused.status_code == 409
    found = await described(importer.client, "ada/copy")
    assert found["commits"][0] == made.json()["commitOid"]


async def test_a_private_repository_cannot_be_exported_by_others(
    shared: Shared, upstream: Hub, tmp_path: Path
) -> None:
    await shared.repository("secret", {"a.txt": b"1"}, private=True)
    file = tmp_path / "file"
    code, told = await tuningfork(upstream.url, "", "export", "bob/secret", str(file))
    assert code != 0
    assert "not found" in told
    assert not file.exists()


def changed(file: Path, change: Callable[[tarfile.TarInfo, bytes], Any]) -> bytes:
    """Return the bundle with its members passed through `change`, which may return several."""
    out = io.BytesIO()
    with (
        tarfile.open(file) as old,
        tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as new,
    ):
        for member in old:
            content = old.extractfile(member)
            for info, data in change(member, content.read() if content else b""):
                info.size = len(data)
                new.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _named(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def _wrong_bytes(info: tarfile.TarInfo, data: bytes) -> Any:
    return [(info, b"\0" * len(data) if info.name.startswith("large/") else data)]


def _without_large(info: tarfile.TarInfo, data: bytes) -> Any:
    return [] if info.name.startswith("large/") else [(info, data)]


def _damaged_pack(info: tarfile.TarInfo, data: bytes) -> Any:
    if info.name.startswith("pack/"):
        data = data[:200] + bytes([data[200] ^ 1]) + data[201:]
    return [(info, data)]


def _plus(*extra: tuple[tarfile.TarInfo, bytes]) -> Any:
    return lambda info, data: [(info, data), *(extra if info.name == "bundle.json" else ())]


def _other_tip(info: tarfile.TarInfo, data: bytes) -> Any:
    if info.name == "bundle.json":
        told = json.loads(data)
        for ref in told["refs"]:
            ref["oid"] = "ab" * 20
        data = json.dumps(told).encode()
    return [(info, data)]


HOSTILE = {
    "wrong bytes": _wrong_bytes,
    "missing file": _without_large,
    "damaged pack": _damaged_pack,
    "unknown tip": _other_tip,
    "absolute path": _plus((_named("/etc/passwd"), b"x")),
    "parent path": _plus((_named("../../x"), b"x")),
    "unnamed file": _plus((_named("large/" + "a" * 64), b"x")),
    "symbolic link": _plus((_named("large/" + DIGEST, tarfile.SYMTYPE, "/etc/passwd"), b"")),
    "hard link": _plus((_named("pack/000000", tarfile.LNKTYPE, "/etc/passwd"), b"")),
    "device": _plus((_named("pack/000000", tarfile.CHRTYPE), b"")),
    "extended header": _plus((_named("x", tarfile.XHDTYPE), b"11 path=..\n")),
    "file twice": lambda info, data: [(info, data)] * 2,
}


@pytest.mark.parametrize("case", [*HOSTILE, "cut short", "no tar", "nothing"])
async def test_a_bundle_that_is_not_right_is_refused_and_leaves_nothing(
    bundle: Path, importer: Importer, case: str
) -> None:
    whole = read(bundle)
    broken = {"cut short": whole[: len(whole) // 2], "no tar": b"x" * 2000, "nothing": b""}
    content = broken[case] if case in broken else changed(bundle, HOSTILE[case])
    answer = await put(importer, "copy", content)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.json()["error"]
    assert (await importer.client.get("/api/models/ada/copy")).status_code == 404


async def test_nobody_imports_for_others(bundle: Path, importer: Importer, upstream: Hub) -> None:
    answer = await importer.client.put("/api/v1/bundles/models/somebody/copy", content=read(bundle))
    assert answer.status_code == 403
    visitor = await importer.client.put(
        "/api/v1/bundles/models/ada/copy", content=b"", headers=bearer("tf_no")
    )
    assert visitor.status_code == 401


def _viewer(shared: Shared) -> Any:
    from tests.factories.hub import viewer_of

    return viewer_of(shared.owner)
