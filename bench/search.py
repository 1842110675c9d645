"""Search over 10^5 texts in Chinese, English and both: rare words, common ones, the worst of all.

Run: python -m bench.search [texts] [folder]. Seeds a PostgreSQL if the folder is new (texts whose
words follow Zipf's law, see `bench.texts`), runs the real application on a loopback port and asks
each question 20 times a second, whether or not the last answer has come; `ILIKE` over the same
texts in the same database is the peer. Goal: p95 of each question at most 100 ms.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg

from app.core.db import Database
from app.embedded.postgres import EmbeddedPostgres
from app.search.schemas import Draft, Kind
from app.search.service import put
from bench.lists import line, serving
from bench.seed import create
from bench.texts import EN, ZH, text

FOLDER = Path("data/bench-search")
A_SECOND = 20
SECONDS = 3.0
_BATCH = 500
QUESTIONS = {
    "everywhere, zh (word 1)": ZH[0],
    "everywhere, zh (word 7)": ZH[6],
    "everywhere, en (word 1)": EN[0],
    "common, zh": "模型",
    "common, en": "model",
    "two common words, zh": f"{ZH[1]} {ZH[4]}",
    "two common words, en": f"{EN[1]} {EN[3]}",
    "one letter": ZH[0][0],
    "of each twentieth": "微调",
    "three letters": "过拟合",
    "question": "模型过拟合怎么办",
    "rare, zh": "余弦退火",
    "rare, en": "warmup",
    "hyphen": "fine-tuning",
    "two words": "learning rate",
    "letters and digits": "ResNet 50",
    "both languages": "微调 layers",
    "phrase": '"frozen layers"',
    "phrase of common words": f'"{EN[1]} {EN[2]}"',
    "either": "语义分割 OR segmentation",
    "without": f"warmup -{EN[0]}",
    "narrowed": "is:tutorial lang:zh 模型",
    "nowhere": "nowherefound",
}


def _draft(number: int) -> Draft:
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    title, body = text(number)
    return Draft(
        kind=Kind.TUTORIAL,
        subject_id=number,
        place=f"/tutorials/{number}",
        title=title,
        body=body,
        tags=[f"tag{number % 200}", ("vision", "text", "audio")[number % 3]],
        language="en" if 2 <= number % 5 < 4 else "zh",  # as `text` has it
        score=number % 50,
        quality=(number * 7919 % 100_003) / 100_003,
        created_at=moment,
        updated_at=moment,
    )


async def _fill(url: str, count: int) -> float:
    """Write the texts; return the seconds that the index took for them."""
    await create(url)
    database, spent = Database(url), 0.0
    for start in range(1, count + 1, _BATCH):
        drafts = [_draft(number) for number in range(start, min(start + _BATCH, count + 1))]
        began = time.perf_counter()
        async with database.transaction() as db:
            await put(db, drafts)
        spent += time.perf_counter() - began
    await database.close()
    return spent


def _plain(url: str, word: str) -> float:
    """Return how long `ILIKE` over the same texts takes, in ms: what others do."""
    with psycopg.connect(url) as connection:
        started = time.perf_counter()
        connection.execute(
            "SELECT id FROM search_document WHERE title ILIKE %s OR body ILIKE %s"
            " ORDER BY quality DESC LIMIT 20",
            (f"%{word}%", f"%{word}%"),
        ).fetchall()
        return 1000 * (time.perf_counter() - started)


def run(count: int = 100_000, folder: Path = FOLDER) -> Iterator[str]:
    """Seed if need be, serve, ask, and yield the figures."""
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    server = EmbeddedPostgres(folder.resolve(), durable=False)
    url = server.start()
    try:
        if is_new:
            yield f"indexed {count / asyncio.run(_fill(url, count)):.0f} texts a second"
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE search_document")
        with serving(url, folder.resolve()) as client:
            for name, question in QUESTIONS.items():
                yield line(name, asyncio.run(_asked(str(client.base_url), question)))
        for word in (ZH[0], "过拟合", "余弦退火"):
            plain = statistics.median(_plain(url, word) for _ in range(3))
            yield f"{'ILIKE ' + word:32} median {plain:6.1f} ms"
    finally:
        server.stop()


async def _asked(site: str, question: str) -> list[float]:
    """Ask at the pace, not when the last answer has come; return what each waited, in ms."""
    async with httpx.AsyncClient(base_url=site, timeout=60) as client:
        for _ in range(3):
            await _wait(client, question, 0)
        started = time.perf_counter()
        rounds = range(int(A_SECOND * SECONDS))
        moments = [started + n / A_SECOND for n in rounds]
        return await asyncio.gather(*(_wait(client, question, moment) for moment in moments))


async def _wait(client: httpx.AsyncClient, question: str, moment: float) -> float:
    await asyncio.sleep(max(0.0, moment - time.perf_counter()))
    started = moment or time.perf_counter()
    answer = await client.get("/api/v1/search", params={"q": question})
    answer.raise_for_status()
    return 1000 * (time.perf_counter() - started)


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else FOLDER
    for told in run(count, folder):
        print(told, flush=True)


if __name__ == "__main__":
    main()
