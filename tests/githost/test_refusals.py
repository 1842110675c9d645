"""A push that breaks a rule is refused with the reason, and leaves nothing."""

import asyncio
import hashlib
import os
import socket
import subprocess
import zlib
from pathlib import Path

import httpx
import pytest

from app.accounts.schemas import AccountRef
from app.core.db import Database
from tests.conftest import Site
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.hub import make_repository
from tests.githost.conftest import Git, GitError

FILES = {"a.txt": b"one\n", "deep/b.txt": b"two\n"}


@pytest.fixture
async def clone(
    site: Site, database: Database, ada: AccountRef, address: str, git: Git, tmp_path: Path
) -> Path:
    await make_repository(database, site.app.state.storage, ada, "repo", files=FILES)
    git("clone", "-q", f"{address}/ada/repo", "clone")
    return tmp_path / "clone"


def head(site: Site) -> str:
    refs = httpx.get(f"{site.url}/api/models/ada/repo/refs").json()
    return {b["name"]: b["targetCommit"] for b in refs["branches"]}["main"]


def refused(git: Git, clone: Path, site: Site, *refs: str) -> str:
    """Push, and return what the user is told; the site must stay as it was."""
    before = head(site)
    with pytest.raises(GitError) as failure:
        git("push", "origin", *(refs or ("HEAD:refs/heads/main",)), cwd=clone)
    assert head(site) == before
    return str(failure.value)


def commit_tree(git: Git, clone: Path, listing: str) -> None:
    """Commit a tree that git's own commands would not make, and check it out nowhere."""
    body = bytearray()
    for line in listing.strip().split("\n"):
        mode, oid, name = line.strip().split(" ", 2)
        body += f"{mode} {name}".encode() + b"\0" + bytes.fromhex(oid)
    data = b"tree %d\0" % len(body) + body
    oid = hashlib.sha1(data).hexdigest()
    path = clone / ".git/objects" / oid[:2] / oid[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zlib.compress(data))
    made = git("commit-tree", oid, "-p", "HEAD", "-m", "Odd", cwd=clone).strip()
    git("update-ref", "refs/heads/main", made, cwd=clone)


def blob(git: Git, clone: Path, content: bytes) -> str:
    (clone / ".git/x").write_bytes(content)
    return git("hash-object", "-w", "--no-filters", ".git/x", cwd=clone).strip()


async def test_a_large_file_outside_lfs_is_named_with_the_way_out(
    site: Site, git: Git, clone: Path
) -> None:
    (clone / "deep/weights.bin").write_bytes(os.urandom(10_000_001))
    git("add", "-A", cwd=clone)
    git("-c", "filter.lfs.process=", "commit", "-q", "-m", "Big", cwd=clone)

    said = refused(git, clone, site)

    assert "deep/weights.bin has 10000001 bytes" in said
    assert "git lfs track" in said


async def test_a_card_is_refused_in_the_words_of_the_check(
    site: Site, token: str, git: Git, clone: Path
) -> None:
    text = "---\nlicense: mine\n---\n"
    body = {"content": text, "repoType": "model"}
    asked = await asyncio.to_thread(
        httpx.post, f"{site.url}/api/validate-yaml", json=body, headers=bearer(token)
    )
    (clone / "README.md").write_text(text)
    git("add", "-A", cwd=clone)
    git("commit", "-q", "-m", "Bad card", cwd=clone)

    said = refused(git, clone, site)
    refused(git, clone, site, "HEAD:refs/heads/dev")

    assert asked.json()["errors"][0]["message"] in said
    assert "README.md: " in said
    assert "Write an SPDX-like name" in said
    (clone / "README.md").write_text(text.replace("mine", "mit"))
    git("commit", "-q", "-am", "Good card", cwd=clone)
    git("push", "-q", "origin", "main", cwd=clone)


async def test_a_pointer_without_its_bytes_is_refused(site: Site, git: Git, clone: Path) -> None:
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 5\n"
    (clone / "deep/p.txt").write_text(text)
    git("add", "-A", cwd=clone)
    git("commit", "-q", "-m", "Pointer", cwd=clone)

    said = refused(git, clone, site)

    assert "The bytes of deep/p.txt were not sent to this repository." in said


@pytest.mark.parametrize(
    ("listing", "reason"),
    [
        ("100644 {blob} ..", "lead out of the folder"),
        ("40000 {tree} .git", "belongs to git itself"),
        ("40000 {tree} .GIT", "belongs to git itself"),
        ("100644 {blob} .g\u200cit", "belongs to git itself"),
        ("100644 {blob} README\n100644 {blob} readme", None),
        ("100644 {blob} con.txt", "Windows keeps it"),
        ("100644 {blob} a\x01b", "control character"),
        ("100644 {blob} back\\slash", "backslash"),
        ("160000 {commit} sub", "submodule"),
        ("100600 {blob} odd", "neither a file nor a folder"),
        ("100644 {blob} z\n100644 {blob} a", "git's order"),
        ("100644 {blob} a\n100644 {blob} a", "git's order"),
        ("120000 {out} link", "leads out of the repository"),
        ("120000 {absolute} link", "leads out of the repository"),
    ],
)
async def test_a_tree_that_would_harm_is_refused(
    site: Site, git: Git, clone: Path, listing: str, reason: str | None
) -> None:
    names = {
        "blob": blob(git, clone, b"x\n"),
        "out": blob(git, clone, b"../../etc/passwd"),
        "absolute": blob(git, clone, b"/etc/passwd"),
        "tree": git("rev-parse", "HEAD:deep", cwd=clone).strip(),
        "commit": git("rev-parse", "HEAD", cwd=clone).strip(),
    }
    commit_tree(git, clone, listing.format(**names))

    said = refused(git, clone, site)

    assert (reason or "are the same name on many computers") in said


async def test_objects_that_only_another_repository_has_count_as_missing(
    site: Site, database: Database, ada: AccountRef, git: Git, clone: Path
) -> None:
    bob = await make_user(database, "bob")
    content = b"nobody else knows this\n"
    await make_repository(
        database, site.app.state.storage, bob, "secret", private=True, files={"s.txt": content}
    )
    oid = blob(git, clone, content)
    commit_tree(git, clone, f"100644 {oid} stolen.txt")
    # Leave the blob itself out of the pack, as one who knows only its name would.
    made = git("rev-list", "-1", "main", cwd=clone).strip()
    root = git("rev-parse", f"{made}^{{tree}}", cwd=clone).strip()
    pack = pack_of(clone, made, root)

    said = push_by_hand(site, await make_token(database, ada), made, pack)

    assert f"{oid} (stolen.txt) was neither sent nor" in said
    assert head(site) != made


def pack_of(clone: Path, *oids: str) -> bytes:
    return subprocess.run(
        ["git", "pack-objects", "--stdout", "-q"],
        cwd=clone,
        input="".join(f"{oid}\n" for oid in oids).encode(),
        capture_output=True,
        check=True,
    ).stdout


def push_by_hand(site: Site, token: str, oid: str, pack: bytes) -> str:
    command = f"{head(site)} {oid} refs/heads/main\0report-status\n".encode()
    body = b"%04x" % (len(command) + 4) + command + b"0000" + pack
    answer = httpx.post(
        f"{site.url}/ada/repo/git-receive-pack", content=body, headers=bearer(token), timeout=30
    )
    assert answer.status_code == 200
    return answer.text


async def test_a_damaged_pack_is_refused(
    site: Site, database: Database, ada: AccountRef, token: str
) -> None:
    await make_repository(database, site.app.state.storage, ada, "repo", files=FILES)
    before = head(site)
    for pack in (b"PACK", b"PACK\0\0\0\2\0\0\0\1" + b"\x9f" * 40, os.urandom(500)):
        assert "damaged or cut short" in push_by_hand(site, token, "1" * 40, pack)
    assert head(site) == before


async def test_ref_names_are_checked(site: Site, git: Git, clone: Path) -> None:
    for name in ("refs/heads/-dash", "refs/heads/a.lock.b/x~", "refs/odd/name", "refs/heads/HEAD"):
        if "~" not in name:
            assert "cannot be" in (said := refused(git, clone, site, f"HEAD:{name}")) or (
                "branches, tags" in said
            )


async def test_a_read_only_token_and_a_stranger_may_not_push(
    site: Site, database: Database, ada: AccountRef, git: Git, clone: Path
) -> None:
    git("commit", "-q", "--allow-empty", "-m", "Empty", cwd=clone)
    reader = await make_token(database, ada, "read")
    git("remote", "set-url", "origin", site.url.replace("://", f"://ada:{reader}@") + "/ada/repo",
        cwd=clone)  # fmt: skip
    assert "does not have the scope repos:write" in refused(git, clone, site)

    eve = await make_token(database, await make_user(database, "eve"))
    git("remote", "set-url", "origin", site.url.replace("://", f"://eve:{eve}@") + "/ada/repo",
        cwd=clone)  # fmt: skip
    assert "You may not change this repository." in refused(git, clone, site)

    git("remote", "set-url", "origin", f"{site.url}/ada/repo", cwd=clone)
    assert "terminal prompts disabled" in refused(git, clone, site)


async def test_one_bad_ref_of_an_atomic_push_stops_all(site: Site, git: Git, clone: Path) -> None:
    git("commit", "-q", "--allow-empty", "-m", "Empty", cwd=clone)

    said = refused(git, clone, site, "--atomic", "HEAD:refs/heads/main", "HEAD:refs/odd/name")

    assert "another ref of this push was refused" in said
    git("push", "-q", "origin", "HEAD:refs/heads/main", cwd=clone)
    assert head(site) == git("rev-parse", "HEAD", cwd=clone).strip()


async def test_an_interrupted_push_leaves_nothing(
    site: Site, database: Database, ada: AccountRef, token: str
) -> None:
    await make_repository(database, site.app.state.storage, ada, "repo", files=FILES)
    before = head(site)
    host, port = site.url.removeprefix("http://").split(":")
    lines = [
        "POST /ada/repo/git-receive-pack HTTP/1.1", f"Host: {host}:{port}",
        f"Authorization: Bearer {token}", "Content-Length: 1000000", "", "",
    ]  # fmt: skip
    command = f"{before} {'1' * 40} refs/heads/main\0report-status\n"
    body = f"{len(command) + 4:04x}{command}0000PACK".encode() + b"x" * 1000
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall("\r\n".join(lines).encode() + body)

    assert head(site) == before
    assert list((site.settings.data_dir / "spool").glob("*")) == []
