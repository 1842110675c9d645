"""Questions over 10^5 posts and 10^6 votes, in Chinese and English: lists, tags, a long question.

Run: python -m bench.questions [posts] [folder]. Seeds a PostgreSQL if the folder is new, runs the
real application on a loopback port and asks for each page 20 times a second, whether or not the
last answer has come. Goal: p95 of each page at most 100 ms.
"""

import asyncio
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg

from app.core.db import Database
from app.core.settings import Settings
from app.core.storage import open_storage
from app.embedded.postgres import EmbeddedPostgres
from app.questions import service
from app.search.service import catch_up
from bench.lists import line, serving
from bench.seed import create
from bench.texts import text

FOLDER = Path("data/bench-questions")
A_SECOND, SECONDS = 20, 5.0
PEOPLE, VOTES_A_POST, ANSWERS, LONG = 2_000, 10, 4, 50
_START = datetime(2025, 1, 1, tzinfo=UTC)


def _rows(posts: int) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of every table: questions of four answers each, the first one of fifty."""
    rows: dict[str, list[tuple[object, ...]]] = {
        name: [] for name in ("thread", "comment", "question", "post", "tag", "vote")
    }
    comment, number = 0, 0
    while comment < posts:
        number += 1
        size = LONG if number == 1 else ANSWERS
        title, _body = text(number * 7)
        moment = _START + timedelta(minutes=number)
        rows["thread"].append((number, "question", number, size + 1, moment, moment))
        first = comment + 1
        for place in range(size + 1):
            comment += 1
            author, score = random.randrange(2, PEOPLE), random.randrange(-2, 40)
            _title, body = text(comment)
            rows["comment"].append((comment, number, author, body[:1200], moment))
            rows["post"].append((comment, number, place == 0, author, score, place == 1))
            voters = random.sample(range(2, PEOPLE), VOTES_A_POST)
            rows["vote"] += [(comment, voter, 1, moment) for voter in voters]
        score = rows["post"][first - 1][4]
        language = "en" if number * 7 % 5 in {2, 3} else "zh-CN"
        rows["question"].append(
            (number, title[:190] or "-", language, 2, number, first, "open", first + 1, size, score,
             moment, moment, moment)
        )  # fmt: skip
        for position, tag in enumerate(random.sample(range(1, 26), 3)):
            rows["tag"].append((tag, number, True, position, score, moment))
    return rows


_COLUMNS = {
    "thread": (
        "comments_thread",
        ("id", "subject", "subject_id", "num_comments", "created_at", "last_comment_at"),
    ),
    "comment": ("comments_comment", ("id", "thread_id", "author_id", "body", "created_at")),
    "question": (
        "questions_question",
        (
            *("id", "title", "language", "author_id", "thread_id", "body_id", "status"),
            *("accepted_id", "num_answers", "score", "created_at", "active_at", "changed_at"),
        ),
    ),
    "post": (
        "questions_post",
        ("comment_id", "question_id", "is_question", "author_id", "score", "is_accepted"),
    ),
    "tag": (
        "questions_question_tag",
        ("tag_id", "question_id", "is_own", "position", "score", "active_at"),
    ),
    "vote": ("reputation_vote", ("comment_id", "voter_id", "value", "voted_at")),
}


def _seed(url: str, posts: int) -> float:
    started = time.perf_counter()
    asyncio.run(_begin(url))
    rows = _rows(posts)
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO accounts_account (id, name, name_key, kind, display_name, created_at)"
            " SELECT n, 'person' || n, 'person' || n, 'user', '', now()"
            f" FROM generate_series(2, {PEOPLE}) n"
        )
        for name, (table, columns) in _COLUMNS.items():
            with connection.cursor().copy(
                f"COPY {table} ({', '.join(columns)}) FROM STDIN"
            ) as copy:
                for row in rows[name]:
                    copy.write_row(row)
        connection.execute(
            "UPDATE questions_tag t SET num_questions ="
            " (SELECT count(*) FROM questions_question_tag q WHERE q.tag_id = t.id)"
        )
        for name in ("questions_question", "comments_comment", "comments_thread"):
            connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"
            )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return time.perf_counter() - started


async def _begin(url: str) -> None:
    await create(url)
    database = Database(url)
    async with database.transaction() as db:
        await service.plant_tags(db)
    await database.close()


async def _index(url: str, folder: Path) -> None:
    database = Database(url)
    await catch_up(database, open_storage(Settings(storage_url=f"file://{folder}/blobs")))
    await database.close()


def pages() -> dict[str, str]:
    """Return what is asked for: a name of the page and its address."""
    return {
        "front page": "/",
        "questions, active": "/questions",
        "questions, most votes": "/questions?sort=votes",
        "questions, Chinese": "/questions?only=zh-CN",
        "unanswered (none there)": "/questions?sort=unanswered",
        "tag": "/tags/nlp",
        "tag, most votes": "/tags/nlp?sort=votes",
        "tags": "/tags",
        "question, 50 answers": "/api/v1/questions/1",
        "question, 4 answers": "/api/v1/questions/77",
    }


def run(posts: int = 100_000, folder: Path = FOLDER) -> Iterator[str]:
    """Seed if need be, serve, ask, and yield the figures."""
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    server = EmbeddedPostgres(folder.resolve(), durable=False)
    url = server.start()
    try:
        if is_new:
            took = _seed(url, posts)
            yield f"seeded {posts} posts and {posts * VOTES_A_POST} votes in {took:.0f} s"
        # Else the site would index them while it is measured.
        asyncio.run(_index(url, folder.resolve()))
        with serving(url, folder.resolve()) as client:
            address = client.get("/questions/1").headers["location"]
            for name, page in {**pages(), "question's page, 50 answers": address}.items():
                yield line(name, asyncio.run(asked(str(client.base_url), page)))
    finally:
        server.stop()


async def asked(site: str, page: str) -> list[float]:
    """Ask at the pace, not when the last answer has come; return what each waited, in ms."""
    async with httpx.AsyncClient(base_url=site, timeout=60) as client:
        for _ in range(3):
            await _wait(client, page, 0)
        started = time.perf_counter()
        moments = [started + n / A_SECOND for n in range(int(A_SECOND * SECONDS))]
        return await asyncio.gather(*(_wait(client, page, moment) for moment in moments))


async def _wait(client: httpx.AsyncClient, page: str, moment: float) -> float:
    await asyncio.sleep(max(0.0, moment - time.perf_counter()))
    started = moment or time.perf_counter()
    answer = await client.get(page, headers={"Accept": "text/html"})
    answer.raise_for_status()
    return 1000 * (time.perf_counter() - started)


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    place = Path(sys.argv[2]) if len(sys.argv) > 2 else FOLDER
    for told in run(count, place):
        print(told, flush=True)
