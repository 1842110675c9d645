"""Send one large random file with the stock client and watch the site's memory.

Run: python bench/hub_upload.py [megabytes]. Starts a PostgreSQL and a site of its own.
Goal: the site's resident memory grows by at most 150 MB during 300 MB through Xet.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx

from app.accounts import service as accounts
from app.accounts.schemas import NewUser
from app.core.db import Database, driver_url
from app.embedded.postgres import EmbeddedPostgres
from app.tables import Base as AllTables

_CLIENT = """
import os, sys, time
from huggingface_hub import HfApi
api = HfApi()
api.create_repo("bench/big")
started = time.monotonic()
api.upload_file(path_or_fileobj=sys.argv[1], path_in_repo="big.bin", repo_id="bench/big")
print(f"{time.monotonic() - started:.2f}")
"""


async def _prepare(url: str) -> str:
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(driver_url(url))
    async with engine.begin() as connection:
        await connection.run_sync(AllTables.metadata.create_all)
    await engine.dispose()
    database = Database(url)
    async with database.transaction() as db:
        user = await accounts.create_user(db, NewUser("bench", "b@example.org", "a long password"))
        token = await accounts.create_token(db, user.id, "bench", accounts.parse_scopes("write"))
    await database.close()
    return token


def _resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def _watch(pid: int, seen: list[float], stop: threading.Event) -> None:
    while not stop.wait(0.05):
        seen.append(_resident_mb(pid))


def _measure(site: "subprocess.Popen[bytes]", token: str, file: Path, env: dict[str, str]) -> None:
    address = "http://127.0.0.1:8791"
    transport = httpx.HTTPTransport(retries=8)
    with httpx.Client(transport=transport, timeout=30) as client:
        client.get(f"{address}/healthz").raise_for_status()
        client.get(f"{address}/api/models").raise_for_status()
    before = _resident_mb(site.pid)
    seen: list[float] = [before]
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(site.pid, seen, stop))
    watcher.start()
    done = subprocess.run(
        [sys.executable, "-c", _CLIENT, str(file)],
        env={**env, "HF_ENDPOINT": address, "HF_TOKEN": token},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    stop.set()
    watcher.join()
    seconds = float(done.stdout.strip() or "nan") if done.returncode == 0 else float("nan")
    if done.returncode:
        print(done.stderr[-2000:])
    size = file.stat().st_size / 1e6
    print(f"{size:.0f} MB in {seconds:.2f} s = {size / seconds:.0f} MB/s")
    print(
        f"site: {before:.0f} MB before, peak {max(seen):.0f} MB, grew {max(seen) - before:.0f} MB"
    )
    started = time.monotonic()
    total = 0
    with httpx.stream("GET", f"{address}/bench/big/resolve/main/big.bin") as answer:
        for chunk in answer.iter_bytes(1 << 20):
            total += len(chunk)
    spent = time.monotonic() - started
    print(f"download {total / 1e6:.0f} MB in {spent:.2f} s = {total / 1e6 / spent:.0f} MB/s")


def main() -> None:
    """Measure and print."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "pg", durable=False)
        url = server.start()
        try:
            token = asyncio.run(_prepare(url))
            file = Path(folder) / "big.bin"
            with file.open("wb") as out:
                for _ in range(megabytes):
                    out.write(os.urandom(1_000_000))
            env = {"PATH": os.environ["PATH"], "HOME": folder, "HF_HOME": f"{folder}/hf"}
            site = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", "--factory", "app.main:create_app",
                 "--port", "8791", "--log-level", "error"],
                env={**os.environ, "DATABASE_URL": url, "STORAGE_URL": f"file://{folder}/blobs",
                     "TUNINGFORK_SECRET_KEY": "bench", "TUNINGFORK_DATA_DIR": folder},
            )  # fmt: skip
            try:
                _measure(site, token, file, env)
            finally:
                site.terminate()
                site.wait()
        finally:
            server.stop()


if __name__ == "__main__":
    main()
