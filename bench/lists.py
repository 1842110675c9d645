"""Lists of 10^6 repositories through the site: each kind of question, 95th percentile.

Run: python -m bench.lists [repositories] [folder]. Seeds a PostgreSQL if the folder is new (see
`bench.seed`) and asks the real application over HTTP on a loopback port.
Goal: p95 of each question at most 100 ms.
"""

import asyncio
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import httpx

from app.accounts import service as accounts
from app.core.db import Database
from bench._unlimited import UNLIMITED
from bench.seed import FOLDER, LANGUAGES, LIBRARIES, LICENSES, NUM_OWNERS, TASKS, open_seeded

GOAL_MS = 100
ROUNDS = 40
_WORDS = ["bert", "lora", "vit", "kalomi", "tunesovi", "owner77", "zzzq", "医疗", "chat resnet"]
Ask = Callable[[int], str]


def _api(**query: object) -> str:
    return "/api/models?" + urlencode({"limit": 30, **query}, doseq=True)


# Each question varies with the round, so that no cache answers for another one.
QUESTIONS: dict[str, Ask] = {
    "first page": lambda n: _api(sort=("trendingScore", "likes", "createdAt")[n % 3]),
    "by downloads": lambda _n: _api(sort="downloads"),
    "by task": lambda n: _api(pipeline_tag=TASKS[n % len(TASKS)]),
    "task, library, licence": lambda n: _api(
        pipeline_tag=TASKS[n % 16],
        filter=[LIBRARIES[n % 7], f"license:{LICENSES[n % 8]}"],
        sort="likes",
    ),
    "two languages": lambda n: _api(filter=[LANGUAGES[n % 18], LANGUAGES[(n + 5) % 18]]),
    "rare tag": lambda n: _api(filter=f"tag{n * 37 + 1}"),
    "tags that never meet": lambda n: _api(
        filter=[LIBRARIES[6], LICENSES[0], TASKS[15], LANGUAGES[n % 18]]
    ),
    "children of a base": lambda n: _api(filter=f"base_model:owner{n + 1}/bert-base"),
    "author": lambda n: _api(author=f"owner{n * 997 % NUM_OWNERS + 1}"),
    "author of thousands": lambda n: _api(author=f"owner{n % 3 + 1}", sort="downloads"),
    "parameters": lambda _n: _api(num_parameters="min:1M,max:200M", sort="createdAt"),
    "gated": lambda n: _api(gated="true", sort=("likes", "downloads")[n % 2]),
    "search": lambda n: _api(search=_WORDS[n % len(_WORDS)]),
    "search, by likes": lambda n: _api(search=_WORDS[n % len(_WORDS)], sort="likes"),
    "page of models": lambda n: ("/models", "/models?sort=downloads")[n % 2],
    "page, filtered": lambda n: f"/models?task={TASKS[n % 16]}&license={LICENSES[n % 8]}",
    "page, searched": lambda n: "/models?" + urlencode({"q": _WORDS[n % len(_WORDS)]}),
}


def _p95(values: list[float]) -> float:
    return sorted(values)[max(0, round(0.95 * len(values)) - 1)]


def line(name: str, spent: list[float]) -> str:
    """Return a line of the report: median and 95th percentile of times in ms."""
    p95 = _p95(spent)
    verdict = "ok" if p95 <= GOAL_MS else "OVER"
    return f"{name:32} median {statistics.median(spent):6.1f} ms   p95 {p95:6.1f} ms   {verdict}"


def _asked(client: httpx.Client, address: str) -> tuple[float, httpx.Response]:
    started = time.perf_counter()
    answer = client.get(address, headers={"Accept": "text/html" if "/api" not in address else "*"})
    spent = 1000 * (time.perf_counter() - started)
    answer.raise_for_status()
    return spent, answer


def _deep(client: httpx.Client) -> list[float]:
    """Walk a list to its page 1000 by its own links, and time the last pages of the way."""
    address, spent = _api(sort="downloads"), []
    for _page in range(1000):
        took, answer = _asked(client, address)
        spent.append(took)
        if "next" not in answer.links:
            break
        address = answer.links["next"]["url"]
    return spent[-ROUNDS:]


def measure(client: httpx.Client, who: str) -> Iterator[str]:
    """Ask every question and yield a line each."""
    for name, ask in QUESTIONS.items():
        for n in range(3):
            _asked(client, ask(n))
        yield line(f"{who}: {name}", [_asked(client, ask(n))[0] for n in range(ROUNDS)])
    yield line(f"{who}: page 1000 by cursor", _deep(client))


async def _token(url: str) -> str:
    database = Database(url)
    async with database.transaction() as db:
        account = await accounts.find_account(db, "owner7")
        if account is None:
            raise SystemExit("The folder holds no seeded database.")
        name = f"bench {random.randrange(10**9)}"
        token = await accounts.create_token(db, account.id, name, accounts.parse_scopes("read"))
        from app.hub.service import lists

        await lists.count_facets(db)
    await database.close()
    return token


@contextmanager
def serving(url: str, folder: Path) -> Iterator[httpx.Client]:
    """Run the real application over a database while the block lasts; blobs lie in `folder`."""
    port = 8000 + random.randrange(1000, 9000)
    site = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--factory", "app.main:create_app", "--port", str(port),
         "--log-level", "error"],
        env={**os.environ, "DATABASE_URL": url, "STORAGE_URL": f"file://{folder}/blobs",
             "TUNINGFORK_SECRET_KEY": "bench", "TUNINGFORK_DATA_DIR": str(folder),
             "TUNINGFORK_LOG_LEVEL": "error", **UNLIMITED},
    )  # fmt: skip
    try:
        base, transport = f"http://127.0.0.1:{port}", httpx.HTTPTransport(retries=8)
        with httpx.Client(transport=transport, base_url=base, timeout=60) as client:
            client.get("/readyz").raise_for_status()
            yield client
    finally:
        site.terminate()
        site.wait()


def run(count: int = 1_000_000, folder: Path = FOLDER) -> Iterator[str]:
    """Seed if need be, serve, ask, and yield the figures."""
    server, url = open_seeded(count, folder)
    try:
        token = asyncio.run(_token(url))
        with serving(url, folder.resolve()) as client:
            yield from measure(client, "visitor")
            client.headers["Authorization"] = f"Bearer {token}"
            yield from measure(client, "signed in")
    finally:
        server.stop()


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else FOLDER
    for line in run(count, folder):
        print(line, flush=True)


if __name__ == "__main__":
    main()
