"""Writing the index, and how far it has been written."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Row, Text, delete, func, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, insert

from app.core.db import AsyncSession
from app.search.tables import Document, Progress, Word

_AGAIN = "again "


async def put(db: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Write documents, over what was there of the same part."""
    if not rows:
        return
    keys = ("kind", "subject_id", "language", "part")
    statement = insert(Document)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    await db.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), list(rows))


async def drop_others(
    db: AsyncSession,
    things: Collection[tuple[str, int]],
    kept: Collection[tuple[str, int, str, int]],
) -> None:
    """Remove the parts of things of which only these (kind, thing, language, part) are left."""
    if not things:
        return
    thing = tuple_(Document.kind, Document.subject_id)
    statement = delete(Document).where(thing.in_(things))
    if kept:
        part = tuple_(Document.kind, Document.subject_id, Document.language, Document.part)
        statement = statement.where(part.not_in(kept))
    await db.execute(statement)


async def public_texts(
    db: AsyncSession, things: Collection[tuple[str, int]]
) -> Sequence[Row[str, str]]:
    """Return title and body of every text of these things that everybody may read."""
    thing = tuple_(Document.kind, Document.subject_id)
    statement = select(Document.title, Document.body)
    return (await db.execute(statement.where(thing.in_(things), ~Document.private))).all()


async def count_words(db: AsyncSession, changes: Mapping[str, int]) -> None:
    """Add to the numbers of texts that hold a word; a word of no text is forgotten."""
    # Sorted, so that two processes that index at once wait for each other and do not cross.
    changed = sorted(word for word, number in changes.items() if number)
    if not changed:
        return
    new = select(
        func.unnest(literal(changed, ARRAY(Text))),
        func.unnest(literal([changes[word] for word in changed], ARRAY(Integer))),
    )
    statement = insert(Word).from_select(["word", "num_texts"], new)
    number = Word.num_texts + statement.excluded.num_texts
    await db.execute(
        statement.on_conflict_do_update(index_elements=["word"], set_={"num_texts": number})
    )
    fewer = [word for word in changed if changes[word] < 0]
    if fewer:
        await db.execute(delete(Word).where(Word.word.in_(fewer), Word.num_texts <= 0))


async def read_to(db: AsyncSession, source: str) -> datetime | None:
    """Return how far a source has been read."""
    return await db.scalar(select(Progress.read_to).where(Progress.source == source))


async def set_read_to(db: AsyncSession, source: str, moment: datetime) -> None:
    """Write down how far a source has been read."""
    statement = insert(Progress).values(source=source, read_to=moment)
    await db.execute(
        statement.on_conflict_do_update(index_elements=["source"], set_={"read_to": moment})
    )


async def forget_author(
    db: AsyncSession, author: str, owner_id: int, limit: int
) -> Sequence[Row[str, int, bool, str, str]]:
    """Forget some texts of an author; return their kind, thing, privacy, title and body."""
    theirs = or_(Document.author == author, Document.owner_id == owner_id)
    some = select(Document.id).where(theirs).limit(limit)
    statement = delete(Document).where(Document.id.in_(some))
    columns = (
        Document.kind,
        Document.subject_id,
        Document.private,
        Document.title,
        Document.body,
    )
    return (await db.execute(statement.returning(*columns))).all()


async def ask_again(
    db: AsyncSession, things: Collection[tuple[str, int]], moment: datetime
) -> None:
    """Write down that things are to be read again, whenever they changed."""
    if not things:
        return
    rows = [{"source": f"{_AGAIN}{kind} {number}", "read_to": moment} for kind, number in things]
    await db.execute(insert(Progress).on_conflict_do_nothing(), rows)


async def take_asked_again(db: AsyncSession, limit: int) -> list[tuple[str, int]]:
    """Return some kinds and ids of things to be read again, and cross them off."""
    some = select(Progress.source).where(Progress.source.startswith(_AGAIN)).limit(limit)
    statement = delete(Progress).where(Progress.source.in_(some)).returning(Progress.source)
    names = [name.split(" ") for name in await db.scalars(statement)]
    return [(kind, int(number)) for _again, kind, number in names]
