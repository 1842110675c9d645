"""Open event streams: 1,000 readers on one site process hear of one event; time and memory.

Each reader is a person of their own who watches one repository. The time runs from sending the
discussion that all of them are told of until the last one's bell has moved: the request, two
batches of telling, and the stream are all in it.
"""

import asyncio
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import httpx
from sqlalchemy import select

from app.accounts import service as accounts
from app.accounts.schemas import AccountKind, NewUser
from app.accounts.service.sign_in import Browser
from app.accounts.tables import Account, User
from app.core.db import Database
from app.hub.tables import Repository
from app.notifications.schemas import Level
from app.notifications.tables import Wish
from bench._site import PERSON, BenchSite, resident_mb, running_site

READERS = 1000
ROUNDS = 3
MOST_S = 1.0
MOST_MB = 300
_OPEN_AT_ONCE = 50


class Reader:
    """One open stream, over a bare socket: the client shall cost as little as it can."""

    def __init__(self, site: BenchSite, cookie: str) -> None:
        self._address = urlsplit(site.url)
        self._cookie = cookie
        self.heard_at: list[float] = []

    async def open(self) -> None:
        """Ask for the stream and wait for its first count."""
        host, port = self._address.hostname or "", self._address.port
        self._reader, self._writer = await asyncio.open_connection(host, port)
        self._writer.write(
            f"GET /events HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: session={self._cookie}\r\n"
            "Accept: text/event-stream\r\n\r\n".encode()
        )
        await self.next()

    async def next(self) -> None:
        """Wait for one more count."""
        while not (await self._reader.readline()).startswith(b"data: "):
            if self._reader.at_eof():
                raise SystemExit("The site ended a stream.")
        self.heard_at.append(time.perf_counter())

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def _people(database: Database) -> list[str]:
    """Make people who watch the repository; return the cookies of their sessions."""
    cookies, browser = [], Browser("bench", "127.0.0.1")
    async with database.transaction() as db:
        watched = (await db.scalars(select(Repository.id))).one()
        for n in range(READERS):
            account = Account(name=f"r{n}", name_key=f"r{n}", kind=AccountKind.USER)
            db.add(account)
            await db.flush()
            address = f"r{n}@example.org"
            db.add(User(account_id=account.id, email=address, email_key=address, password_hash=""))
            await db.flush()
            db.add(
                Wish(
                    person_id=account.id,
                    target="repository",
                    target_id=watched,
                    level=Level.WATCH,
                )
            )
            cookies.append((await accounts.start_session(db, account.id, browser)).secret)
    return cookies


async def _posters(database: Database) -> list[str]:
    """Make somebody for each round, because newcomers write slowly; return their tokens."""
    tokens = []
    async with database.transaction() as db:
        for n in range(ROUNDS):
            new = NewUser(f"p{n}", f"p{n}@example.org", "a long password", is_trusted=True)
            made = await accounts.create_user(db, new)
            scopes = accounts.parse_scopes("write")
            tokens.append(await accounts.create_token(db, made.id, "bench", scopes))
    return tokens


async def _measure(site: BenchSite) -> list[str]:
    headers = {"Authorization": f"Bearer {site.token}"}
    before = resident_mb(site.pid)
    async with httpx.AsyncClient(base_url=site.url, headers=headers, timeout=60) as client:
        await client.post("/api/repos/create", json={"name": "net"})
        database = Database(site.database_url)
        cookies = await _people(database)
        posters = await _posters(database)
        await database.close()
        readers = [Reader(site, cookie) for cookie in cookies]
        began = time.perf_counter()
        for start in range(0, READERS, _OPEN_AT_ONCE):
            await asyncio.gather(*(one.open() for one in readers[start : start + _OPEN_AT_ONCE]))
        opened_s = time.perf_counter() - began
        waits = [await _tell_all(client, token, readers) for token in posters]
    peak = resident_mb(site.pid)
    for one in readers:
        one.close()
    worst, best = max(waits), min(waits)
    verdict = "within" if worst <= MOST_S and peak <= MOST_MB else "NOT within"
    return [
        f"{READERS} streams opened in {opened_s:.1f} s",
        f"an event reached all in {best:.2f} to {worst:.2f} s (limit {MOST_S} s)",
        f"memory of the site: {before:.0f} MB before, {peak:.0f} MB with them (limit {MOST_MB} MB)",
        f"{verdict} the limits",
    ]


async def _tell_all(client: httpx.AsyncClient, token: str, readers: list[Reader]) -> float:
    hearing = [asyncio.create_task(one.next()) for one in readers]
    began = time.perf_counter()
    headers = {"Authorization": f"Bearer {token}"}
    body = {"title": "Why?", "description": "Words"}
    answer = await client.post(f"/api/models/{PERSON}/net/discussions", json=body, headers=headers)
    answer.raise_for_status()
    await asyncio.wait_for(asyncio.gather(*hearing), 60)
    return max(one.heard_at[-1] for one in readers) - began


def run() -> Iterator[str]:
    """Yield the figures against their limits."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    with TemporaryDirectory() as folder, running_site(Path(folder)) as site:
        yield from asyncio.run(_measure(site))
