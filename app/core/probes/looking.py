"""The probes themselves; whatever goes wrong is what they report."""

import asyncio
import re
import secrets
import shutil
import time
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from app.core.clock import now
from app.core.db import Database
from app.core.errors import AppError
from app.core.files import resource_dir
from app.core.probes.readings import Level, Reading
from app.core.storage import BlobStore

_TIMEOUT_S = 5.0
_SLOW_MS = 250.0
_WARN_FREE, _LEAST_FREE = 0.10, 0.03
_WARN_FREE_BYTES, _LEAST_FREE_BYTES = 10 * 10**9, 10**9
_WARN_SKEW_S, _MOST_SKEW_S = 2.0, 10.0
_REVISION = re.compile(r"^revision = ['\"](\w+)", re.MULTILINE)
_FOLLOWS = re.compile(r"^down_revision = ['\"](\w+)", re.MULTILINE)
# One of this process: what a probe leaves that is broken off, the next one takes away.
_PROBE = f"probe/{secrets.token_hex(8)}", secrets.token_bytes(64)
_FAILURES = (AppError, DBAPIError, RedisError, OSError, TimeoutError, ValueError)


def _told(name: str, error: Exception, problem: str = "no_answer") -> Reading:
    said = getattr(error, "message", "") or str(error) or type(error).__name__
    lines = str(said).splitlines() or [type(error).__name__]
    return Reading(name, Level.FAIL, problem, {"error": lines[0][:200]})


@lru_cache
def newest_migration() -> str:
    """Return the revision that this code expects: the one that none comes after.

    Read without Alembic, which with its templates would cost a site process ten megabytes.
    """
    texts = [file.read_text() for file in resource_dir("migrations").glob("versions/*.py")]
    made = {found[1] for text in texts if (found := _REVISION.search(text))}
    followed = {found[1] for text in texts if (found := _FOLLOWS.search(text))}
    return next(iter(made - followed), "")


async def probe_database(database: Database) -> Reading:
    """Ask for a row, its size, and which migration it has."""
    try:
        async with asyncio.timeout(_TIMEOUT_S), database.transaction() as db:
            begun = time.perf_counter()
            await db.execute(text("SELECT 1"))
            latency_ms = (time.perf_counter() - begun) * 1000
            sizes = select(func.pg_database_size(func.current_database()), func.version())
            size, version = (await db.execute(sizes)).one()
            kept = await db.scalar(select(func.to_regclass("alembic_version")))
            known = text("SELECT version_num FROM alembic_version")
            revision = str(await db.scalar(known) or "") if kept else ""
    except _FAILURES as error:
        return _told("database", error)
    expected = await asyncio.to_thread(newest_migration)
    figures = {
        "latency_ms": round(latency_ms, 1),
        "size_bytes": int(size),
        "version": str(version).split(" on ")[0],
        "migration": revision,
        "expected": expected,
    }
    if revision and revision != expected:
        return Reading("database", Level.WARN, "other_migration", figures)
    if latency_ms > _SLOW_MS:
        return Reading("database", Level.WARN, "slow", figures)
    return Reading("database", Level.OK, "", figures)


async def probe_clock(database: Database) -> Reading:
    """Compare the database's clock with this machine's."""
    try:
        async with asyncio.timeout(_TIMEOUT_S), database.transaction() as db:
            before = now()
            theirs: datetime = (await db.execute(text("SELECT clock_timestamp()"))).scalar_one()
            after = now()
    except _FAILURES as error:
        return _told("clock", error)
    skew_s = (theirs - (before + (after - before) / 2)).total_seconds()
    figures = {"skew_s": round(skew_s, 3)}
    if abs(skew_s) > _MOST_SKEW_S:
        return Reading("clock", Level.FAIL, "skewed", figures)
    level = Level.WARN if abs(skew_s) > _WARN_SKEW_S else Level.OK
    return Reading("clock", level, "skewed" if level is Level.WARN else "", figures)


async def probe_broker(broker_url: str) -> Reading:
    """Ask the broker for a sign of life; a site without one is in order."""
    if not broker_url:
        return Reading("broker", Level.OFF, "none")
    client = Redis.from_url(broker_url, socket_timeout=3, socket_connect_timeout=2)
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            begun = time.perf_counter()
            await client.ping()
            latency_ms = (time.perf_counter() - begun) * 1000
            told = await client.info("memory")
    except _FAILURES as error:
        return _told("broker", error)
    finally:
        await client.aclose()
    used = int(told.get("used_memory", 0))
    return Reading("broker", Level.OK, "", {"latency_ms": round(latency_ms, 1), "used_bytes": used})


async def probe_storage(storage: BlobStore) -> Reading:
    """Write a few bytes, read them back and take them away."""
    key, content = _PROBE
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            writer = await storage.writer()
            try:
                await writer.write(content)
                await writer.finish()
                await writer.promote(key)
            finally:
                await writer.discard()
            found = await storage.read_all(key)
            await storage.delete(key)
    except _FAILURES as error:
        return _told("storage", error)
    figures = {"latency_ms": round((time.perf_counter() - begun) * 1000, 1)}
    if found != content:
        return Reading("storage", Level.FAIL, "other_bytes", figures)
    return Reading("storage", Level.OK, "", figures)


async def probe_disk(folder: Path) -> Reading:
    """Look how much room is left where the site keeps its data."""
    try:
        usage = await asyncio.to_thread(_usage, folder)
    except OSError as error:
        return _told("disk", error)
    total, free = usage
    figures = {"free_bytes": free, "total_bytes": total}
    if free < _LEAST_FREE_BYTES or free < total * _LEAST_FREE:
        return Reading("disk", Level.FAIL, "full", figures)
    if free < _WARN_FREE_BYTES or free < total * _WARN_FREE:
        return Reading("disk", Level.WARN, "nearly_full", figures)
    return Reading("disk", Level.OK, "", figures)


def _usage(folder: Path) -> tuple[int, int]:
    found = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
    usage = shutil.disk_usage(found)
    return usage.total, usage.free
