"""A copy of everything the site keeps of one person, as a zip of JSON and Markdown files.

It is written to a temporary file a few hundred rows at a time, so that neither memory nor the
database waits for whoever downloads it.
"""

import asyncio
import json
import tempfile
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import IO, Any

import structlog
from sqlalchemy import Table

from app.accounts.queries import personal
from app.accounts.queries.personal import personal_tables
from app.accounts.service.people import person
from app.core.clock import now
from app.core.db import AsyncSession
from app.mail import service as mail

log = structlog.get_logger(__name__)

_IN_MEMORY = 4 * 1024 * 1024
_CHUNK = 256 * 1024
# What people wrote is readable by itself too.
_PROSE = {"body", "text", "bio", "description"}
_READ_ME = """# What this is

Everything that this site keeps of you, made at {moment}.

- `data/` has a file for each table with rows of yours, one JSON object a line. Left out are hashes
  and keys, which mean nothing to anybody but the site.
- `posts/` has what you wrote, one Markdown file each.

Files of your repositories are not here: clone them with git.
"""


@asynccontextmanager
async def personal_archive(db: AsyncSession, user_id: int) -> AsyncIterator[IO[bytes]]:
    """Give the finished zip, at its beginning; it is gone when the block is left."""
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("README.md", _READ_ME.format(moment=f"{now():%Y-%m-%d %H:%M} UTC"))
            for table, whose in personal_tables():
                await _write_table(db, archive, table, whose, user_id)
            await _write_letters(db, archive, user_id)
        log.info("personal_data_exported", user_id=user_id, size_bytes=file.tell())
        file.seek(0)
        yield file


async def _write_letters(db: AsyncSession, archive: zipfile.ZipFile, user_id: int) -> None:
    found = await person(db, user_id)
    rows = [
        {"kind": one.kind, "subject": one.subject, "state": one.state, "created_at": one.created_at}
        for one in await mail.letters_to(db, found.user.email)
    ]
    archive.writestr("data/letters.jsonl", _lines(rows))


async def _write_table(
    db: AsyncSession, archive: zipfile.ZipFile, table: Table, whose: list[Any], user_id: int
) -> None:
    prose: list[tuple[str, str]] = []
    member: IO[bytes] | None = None
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as lines:
        async for rows in personal.rows_of(db, table, whose, user_id):
            member = lines
            await asyncio.to_thread(lines.write, _lines(rows))
            prose = _prose(table, rows)
            await asyncio.to_thread(_write_prose, archive, prose)
        if member is not None:
            lines.seek(0)
            await asyncio.to_thread(_copy, lines, archive, f"data/{table.name}.jsonl")


def _lines(rows: list[dict[str, Any]]) -> bytes:
    written = (json.dumps(row, ensure_ascii=False, default=_plain) for row in rows)
    return "".join(f"{line}\n" for line in written).encode()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return getattr(value, "value", None) or str(value)


def _prose(table: Table, rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    keys = [column.name for column in table.primary_key.columns]
    return [
        (f"posts/{table.name}/{'-'.join(_in_a_name(row.get(key)) for key in keys)}.{name}.md", text)
        for row in rows
        for name in _PROSE & row.keys()
        if isinstance(text := row[name], str) and text.strip()
    ]


def _in_a_name(value: object) -> str:
    return "".join(c if c.isalnum() else "_" for c in str(value))[:60]


def _write_prose(archive: zipfile.ZipFile, prose: list[tuple[str, str]]) -> None:
    for path, text in prose:
        archive.writestr(path, text)


def _copy(source: IO[bytes], archive: zipfile.ZipFile, path: str) -> None:
    with archive.open(path, "w", force_zip64=True) as target:
        for part in iter(_reader(source), b""):
            target.write(part)


def _reader(source: IO[bytes]) -> Callable[[], bytes]:
    return lambda: source.read(_CHUNK)


async def parts_of(file: IO[bytes]) -> AsyncIterator[bytes]:
    """Yield the bytes of an archive; reading waits in a thread."""
    while part := await asyncio.to_thread(file.read, _CHUNK):
        yield part
