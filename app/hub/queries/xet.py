"""Xet: bundles, who sent them, the files made of them, and the chunks they are found by."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, select, update
from sqlalchemy.dialects.postgresql import insert

from app.core.batches import batched
from app.core.clock import now
from app.core.db import AsyncSession
from app.hub.tables import RepositoryLfs, XetAnchor, XetFile, XetUse, Xorb, XorbUser

_BATCH = 5000


@dataclass(frozen=True)
class NewXetFile:
    """A verified file: what is written down of it."""

    hash: str
    sha256: str
    terms: list[Any]
    layout: bytes
    anchors: frozenset[bytes]

    @property
    def xorbs(self) -> set[str]:
        """The bundles it uses."""
        return {str(term[0]) for term in self.terms}


async def xorbs(db: AsyncSession, hashes: Collection[str]) -> dict[str, Xorb]:
    """Return bundles with their tables of chunks, by hash."""
    found: dict[str, Xorb] = {}
    for batch in batched(sorted(set(hashes)), _BATCH):
        rows = await db.scalars(select(Xorb).where(Xorb.hash.in_(batch)))
        found |= {row.hash: row for row in rows}
    return found


async def sent_by(db: AsyncSession, user_id: int, hashes: Collection[str]) -> set[str]:
    """Return which of these bundles this person has sent in full."""
    found: set[str] = set()
    for batch in batched(sorted(set(hashes)), _BATCH):
        found |= set(
            await db.scalars(
                select(XorbUser.hash).where(XorbUser.user_id == user_id, XorbUser.hash.in_(batch))
            )
        )
    return found


async def xorb_keys(db: AsyncSession, hashes: Collection[str]) -> dict[str, str]:
    """Return where bundles are stored, by hash."""
    found: dict[str, str] = {}
    for batch in batched(sorted(set(hashes)), _BATCH):
        rows = await db.execute(select(Xorb.hash, Xorb.storage_key).where(Xorb.hash.in_(batch)))
        found.update((str(name), str(key)) for name, key in rows)
    return found


async def hold_xorbs(db: AsyncSession, hashes: Collection[str]) -> set[str]:
    """Return which bundles are there; they stay at least until the transaction ends."""
    held: set[str] = set()
    for batch in batched(sorted(set(hashes)), _BATCH):
        held |= set(
            await db.scalars(
                select(Xorb.hash)
                .where(Xorb.hash.in_(batch))
                .order_by(Xorb.hash)
                .with_for_update(read=True, key_share=True)
            )
        )
    return held


async def touch_xorbs(db: AsyncSession, hashes: Collection[str]) -> None:
    """Let bundles count as new to the sweep: a client was told that it may rely on them."""
    await db.execute(update(Xorb).where(Xorb.hash.in_(hashes)).values(created_at=now()))


async def add_xorb(db: AsyncSession, user_id: int, values: Mapping[str, Any]) -> bool:
    """Write down a verified bundle and its sender; True if it was new to the store.

    Sent again, it counts as new to the sweep: the client will go on relying on it.
    """
    moment = now()
    stored_key = await db.scalar(
        insert(Xorb)
        .values(**values, created_at=moment)
        .on_conflict_do_update(index_elements=["hash"], set_={"created_at": moment})
        .returning(Xorb.storage_key)
    )
    await db.execute(
        insert(XorbUser).values(user_id=user_id, hash=values["hash"]).on_conflict_do_nothing()
    )
    return bool(stored_key == values["storage_key"])


async def add_xet_file(db: AsyncSession, new: NewXetFile) -> None:
    """Write down what a Xet file hash stands for, what it uses, and how it is found."""
    added = await db.scalar(
        insert(XetFile)
        .values(hash=new.hash, sha256=new.sha256, terms=new.terms, layout=new.layout)
        .on_conflict_do_nothing()
        .returning(XetFile.hash)
    )
    if added is None:
        return
    uses = [{"xorb": xorb, "file": new.hash} for xorb in sorted(new.xorbs)]
    anchors = [{"chunk": chunk, "file": new.hash} for chunk in sorted(new.anchors)]
    if uses:
        await db.execute(insert(XetUse), uses)
    if anchors:
        await db.execute(insert(XetAnchor), anchors)


async def xet_files(db: AsyncSession, digests: Collection[str]) -> dict[str, XetFile]:
    """Return the files that can be read from bundles, by sha256."""
    found: dict[str, XetFile] = {}
    for batch in batched(sorted(set(digests)), _BATCH):
        rows = await db.scalars(
            select(XetFile)
            .where(XetFile.sha256.in_(batch), XetFile.layout.is_not(None))
            .order_by(XetFile.hash)
        )
        for row in rows:
            found.setdefault(row.sha256, row)
    return found


async def xet_hashes(db: AsyncSession, digests: Collection[str]) -> dict[str, str]:
    """Return under which hash Xet clients ask for files, by sha256."""
    found: dict[str, str] = {}
    for batch in batched(sorted(set(digests)), _BATCH):
        rows = await db.execute(
            select(XetFile.sha256, XetFile.hash)
            .where(XetFile.sha256.in_(batch), XetFile.layout.is_not(None))
            .order_by(XetFile.hash.desc())
        )
        found.update((str(sha256), str(name)) for sha256, name in rows)
    return found


async def linked_xet_file(db: AsyncSession, repository_id: int, file_hash: str) -> XetFile | None:
    """Return a file by its Xet hash if this repository may hand it out."""
    found: XetFile | None = await db.scalar(
        select(XetFile)
        .join(
            RepositoryLfs,
            and_(
                RepositoryLfs.sha256 == XetFile.sha256,
                RepositoryLfs.repository_id == repository_id,
            ),
        )
        .where(XetFile.hash == file_hash, XetFile.layout.is_not(None))
    )
    return found


async def xet_file(db: AsyncSession, file_hash: str) -> XetFile | None:
    """Return a file that lies in bundles by its Xet hash, whoever holds it."""
    found: XetFile | None = await db.scalar(
        select(XetFile).where(XetFile.hash == file_hash, XetFile.layout.is_not(None))
    )
    return found


async def files_using(db: AsyncSession, hashes: Collection[str], limit: int) -> Sequence[XetFile]:
    """Return files that use one of these bundles."""
    using = select(XetUse.file).where(XetUse.xorb.in_(hashes))
    return (await db.scalars(select(XetFile).where(XetFile.hash.in_(using)).limit(limit))).all()


async def files_with_chunk(db: AsyncSession, chunk: bytes, limit: int) -> Sequence[XetFile]:
    """Return files that are found by this chunk."""
    statement = (
        select(XetFile).join(XetAnchor, XetAnchor.file == XetFile.hash)
        .where(XetAnchor.chunk == chunk).order_by(XetFile.hash).limit(limit)
    )  # fmt: skip
    return (await db.scalars(statement)).all()
