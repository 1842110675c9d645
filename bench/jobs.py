"""Claims, points of curves, heartbeats and live readers against one site process.

Run: python -m bench jobs. Starts a durable PostgreSQL and a site of its own.
Goals: 2,000 points/s from 20 workers in batches of 50; an event reaches 200 readers within 1 s.
"""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import create_async_engine

from app.core.db import driver_url
from app.core.settings import Settings
from app.embedded.postgres import EmbeddedPostgres
from app.main import create_app
from app.tables import Base
from bench._unlimited import UNLIMITED
from tests.factories.accounts import bearer, make_token, make_user
from tests.factories.jobs import FakeWorker, make_job

NUM_WORKERS = 20
BATCH = 50
NUM_READERS = 200


def run() -> list[str]:
    """Return one line per figure."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        settings = Settings(
            database_url=server.start(),
            storage_url=f"file://{folder}/blobs",
            data_dir=Path(folder),
            secret_key="0" * 32,
            worker_key="test-worker-key",
            log_level="error",
        )
        try:
            return asyncio.run(_measure(settings))
        finally:
            server.stop()


def _serve(settings: Settings) -> tuple[subprocess.Popen[bytes], str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = os.environ | {
        "DATABASE_URL": settings.database_url,
        "STORAGE_URL": settings.storage_url,
        "TUNINGFORK_SECRET_KEY": settings.secret_key.get_secret_value(),
        "TUNINGFORK_WORKER_KEY": settings.worker_key.get_secret_value(),
        "TUNINGFORK_LOG_LEVEL": "error",
        **UNLIMITED,
        "TUNINGFORK_LEASE_S": "600",  # these workers report without beating
    }
    options = ["--factory", "--port", str(port), "--log-level", "error"]
    command = [sys.executable, "-m", "uvicorn", "app.main:create_app", *options]
    return subprocess.Popen(command, env=environment), f"http://127.0.0.1:{port}"


async def _measure(settings: Settings) -> list[str]:
    engine = create_async_engine(driver_url(settings.database_url))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()
    app = create_app(settings)
    process, address = _serve(settings)
    try:
        return await _figures(app, address, process.pid)
    finally:
        process.kill()
        process.wait()
        await app.state.database.close()


async def _figures(app: FastAPI, address: str, pid: int) -> list[str]:
    user = await make_user(app.state.database)
    headers = bearer(await make_token(app.state.database, user))
    async with app.state.database.transaction() as db:
        for _number in range(NUM_WORKERS):
            await make_job(db, user.id)
    limits = httpx.Limits(max_connections=NUM_READERS + NUM_WORKERS)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:
        await _until_served(client)
        workers = [FakeWorker(client) for _number in range(NUM_WORKERS)]
        lines = [await _claims(workers), await _points(workers), await _heartbeats(workers)]
        job = workers[0].claimed["job_id"]
        lines += [await _curves(client, job, headers), await _readers(workers[0], client, headers)]
    return [*lines, f"site resident: {_resident_mb(pid):.0f} MB"]


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


async def _until_served(client: httpx.AsyncClient) -> None:
    for _attempt in range(100):
        try:
            await client.get("/healthz")
        except httpx.TransportError:
            await asyncio.sleep(0.2)
        else:
            return
    raise RuntimeError("the site did not start")


async def _claims(workers: list[FakeWorker]) -> str:
    started = time.monotonic()
    for worker in workers:
        assert await worker.claim()
    return f"register + claim, one after the other: {_rate(len(workers), started)}"


def _rate(count: int, started: float) -> str:
    return f"{count / (time.monotonic() - started):,.0f}/s"


def _report(first: int) -> dict[str, object]:
    point = {"epoch": 1, "loss": 1.0, "lr": {"head": 0.1}, "samples_per_s": 1.0, "memory_bytes": 1}
    points = [{"step": step, **point} for step in range(first, first + BATCH)]
    return {"kind": "StepsReported", "stage": 1, "points": points}


async def _points(workers: list[FakeWorker]) -> str:
    num_batches = 20

    async def report(worker: FakeWorker) -> None:
        for number in range(num_batches):
            answer = await worker.events(_report(number * BATCH + 1), start=number + 1)
            assert answer.status_code == 200, answer.text

    started = time.monotonic()
    await asyncio.gather(*(report(worker) for worker in workers))
    return (
        f"points from {len(workers)} workers: {_rate(len(workers) * num_batches * BATCH, started)}"
    )


async def _heartbeats(workers: list[FakeWorker]) -> str:
    async def beat(worker: FakeWorker) -> None:
        for _number in range(20):
            answer = await worker.post("heartbeat", {"progress": 0.5})
            assert answer.status_code == 200, answer.text

    started = time.monotonic()
    await asyncio.gather(*(beat(worker) for worker in workers))
    return f"heartbeats: {_rate(len(workers) * 20, started)}"


async def _curves(client: httpx.AsyncClient, job: int, headers: dict[str, str]) -> str:
    started = time.monotonic()
    answer = await client.get(f"/api/v1/jobs/{job}/metrics", headers=headers)
    num_points = len(answer.json()["points"])
    return f"curves of {num_points} points: {(time.monotonic() - started) * 1000:.0f} ms"


async def _readers(worker: FakeWorker, client: httpx.AsyncClient, headers: dict[str, str]) -> str:
    address = f"/api/v1/jobs/{worker.claimed['job_id']}/events/stream?after=22"
    ready, seen = asyncio.Semaphore(0), []

    async def read() -> None:
        async with client.stream("GET", address, headers=headers) as answer:
            async for line in answer.aiter_lines():
                ready.release()
                if line.startswith("data"):
                    seen.append(time.monotonic())
                    return

    readers = [asyncio.create_task(read()) for _number in range(NUM_READERS)]
    for _number in readers:
        await ready.acquire()
    started = time.monotonic()
    await worker.events({"kind": "LogWritten", "lines": ["now"]}, start=1000)
    await asyncio.gather(*readers)
    waits = sorted(moment - started for moment in seen)
    middle, late = waits[len(waits) // 2], waits[int(len(waits) * 0.95)]
    return f"event to {NUM_READERS} readers: p50 {middle:.2f} s, p95 {late:.2f} s"
