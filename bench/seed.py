"""Fill a database with repositories as a grown site has them: 10^6 of them in a few minutes.

Run: python -m bench.seed [repositories] [folder]. Starts a PostgreSQL in the folder (kept, so that
`bench.lists` can be run again without seeding) and prints its address.
"""

import asyncio
import io
import math
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from sqlalchemy.ext.asyncio import create_async_engine

from app.core.db import driver_url
from app.embedded.postgres import EmbeddedPostgres
from app.hub.words import search_text
from app.search.words import VERSION
from app.tables import Base

NUM_OWNERS = 50_000
FOLDER = Path("data/bench-lists")
TASKS = (
    "text-generation text-classification image-classification token-classification fill-mask "
    "automatic-speech-recognition text-to-image question-answering object-detection translation "
    "sentence-similarity reinforcement-learning image-segmentation audio-classification "
    "tabular-classification feature-extraction"
).split()
LIBRARIES = "transformers diffusers peft timm sentence-transformers stable-baselines3 keras".split()
LICENSES = "apache-2.0 mit openrail cc-by-nc-4.0 llama3 gemma bsd-3-clause other".split()
LANGUAGES = "en zh fr de es ja ko ar ru pt hi it vi id tr sw is eu".split()
_FAMILIES = "bert gpt llama qwen vit resnet whisper mistral falcon wav2vec convnext deit".split()
_WORDS = "base large small tiny chat instruct fine tuned lora merged v2 distilled 中文 医疗".split()
_SYLLABLES = "ka lo mi ra tu ne so vi pe da gu zo ri ba he".split()


def _zipf(choices: list[str]) -> str:
    """Pick early choices often and late ones seldom, as people do."""
    at = int(len(choices) ** random.random()) - 1
    return choices[min(at, len(choices) - 1)]


def _word() -> str:
    return "".join(random.choices(_SYLLABLES, k=3))


def _field(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, list):
        inner = ",".join('"' + str(item).replace('"', "") + '"' for item in value)
        return "{" + inner + "}"
    return str(value).replace("\\", "\\\\").replace("\t", " ").replace("\n", " ")


COLUMNS = (
    "id kind owner_id owner_name name name_key private created_at updated_at head size_bytes "
    "downloads likes trending task library license summary languages base_models tags card weights "
    "num_parameters gated disabled downloads_all_time downloads_raw search_text config facts_key"
).split()


def rows(count: int) -> Iterator[str]:
    """Yield lines for COPY; one in five is a data set, one in four is private."""
    for number in range(1, count + 1):
        yield "\t".join(_field(value) for value in _row(number)) + "\n"


def _row(number: int) -> tuple[object, ...]:
    owner = 1 + int(NUM_OWNERS * random.random() ** 3)
    owner_name = f"owner{owner}"
    family = _zipf(_FAMILIES)
    name = f"{family}-{_zipf(_WORDS)}-{_word()}-{number}"
    is_model = number % 5 != 0
    task, library, licence = _zipf(TASKS), _zipf(LIBRARIES), _zipf(LICENSES)
    languages = sorted({_zipf(LANGUAGES) for _ in range(random.randrange(3))})
    bases = [f"owner{1 + number % 500}/{family}-base"] if number % 3 == 0 else []
    tags = [task, library, f"license:{licence}", *languages, family, f"tag{number % 20_000}"]
    tags += [f"base_model:{base}" for base in bases]
    summary = f"A {family} for {task}, {_word()} {_word()}."
    day, second = f"2026-{1 + number % 9:02d}-{1 + number % 28:02d}", f"{number % 59:02d}"
    moment = f"{day} 10:{number % 60:02d}:{second}.{number % 999_999:06d}+00"
    downloads = int(math.exp(random.random() * 12)) - 1
    return (
        number, "model" if is_model else "dataset", owner, owner_name, name, name,
        "t" if random.random() < 0.25 else "f", moment, moment, f"{number:040x}",
        random.randrange(10**9), downloads, downloads // 100,
        math.log2(1 + downloads) + 40 if downloads > 2 else 0.0,
        task, library, licence, summary, languages, bases, tags, '{"license": "mit"}', "{}",
        random.choice([22_000_000, 110_000_000, 7_000_000_000, None]),
        "manual" if number % 50 == 0 else "", "f", downloads, downloads * 2,
        search_text(f"{owner_name}/{name}", summary, tags), "{}", "",
    )  # fmt: skip


def fill(url: str, count: int) -> None:
    """Make the tables and copy everything in; indexes are built once at the end."""
    asyncio.run(create(url))
    with psycopg.connect(url, autocommit=True) as connection:
        _owners(connection)
        indexes = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'hub_repository'"
            " AND indexdef NOT LIKE '%UNIQUE%'"
        ).fetchall()
        for name, _definition in indexes:
            connection.execute(f"DROP INDEX {name}".encode())
        connection.execute("SET maintenance_work_mem = '512MB'")
        copy = f"COPY hub_repository ({', '.join(COLUMNS)}) FROM STDIN"
        with connection.cursor() as cursor, cursor.copy(copy.encode()) as into:
            for block in _blocks(rows(count)):
                into.write(block)
        for _name, definition in indexes:
            connection.execute(definition.encode())
        connection.execute(
            "SELECT setval(pg_get_serial_sequence('hub_repository', 'id'),"
            " (SELECT max(id) FROM hub_repository))"
        )
        connection.execute("VACUUM ANALYZE hub_repository")
        # Lists are measured here, and not beside the first indexing of all that there is.
        connection.execute(
            "INSERT INTO search_progress VALUES (%s, '2027-01-01')", (f"repositories {VERSION}",)
        )


def _blocks(lines: Iterator[str]) -> Iterator[str]:
    buffer = io.StringIO()
    for line in lines:
        buffer.write(line)
        if buffer.tell() > 1 << 20:
            yield buffer.getvalue()
            buffer = io.StringIO()
    yield buffer.getvalue()


def _owners(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    connection.execute(
        "INSERT INTO accounts_account (name, name_key, kind, display_name, created_at)"
        " SELECT 'owner'||n, 'owner'||n, 'user', '', now()"
        f" FROM generate_series(1, {NUM_OWNERS + 1}) n"
    )
    connection.execute(
        "INSERT INTO accounts_user (account_id, email, email_key, password_hash, is_admin, bio,"
        " language, theme) SELECT id, name||'@example.org', name||'@example.org', 'x', false, '',"
        " '', '' FROM accounts_account"
    )


async def create(url: str) -> None:
    """Make the tables."""
    engine = create_async_engine(driver_url(url))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()


def open_seeded(count: int, folder: Path) -> tuple[EmbeddedPostgres, str]:
    """Return a server with `count` repositories; seeds it if the folder is new."""
    folder.mkdir(parents=True, exist_ok=True)
    server = EmbeddedPostgres(folder.resolve(), durable=False)
    url = server.start()
    with psycopg.connect(url) as connection:
        known = connection.execute("SELECT to_regclass('hub_repository')").fetchone()
        is_new = known is None or known[0] is None
    if is_new:
        started = time.monotonic()
        fill(url, count)
        print(f"seeded {count:,} repositories in {time.monotonic() - started:.0f} s")
    return server, url


def main() -> None:
    """Seed and leave the data where `bench.lists` finds it."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else FOLDER
    server, url = open_seeded(count, folder)
    print(url)
    server.stop()


if __name__ == "__main__":
    main()
