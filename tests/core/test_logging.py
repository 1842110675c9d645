"""JSON logs: one object a line, with the request's id, and without a secret."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI

from app.core.logging import configure_logging

TOKEN = "tf_" + "0123456789abcdef" * 3


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    configure_logging("info", "json")
    yield written
    monkeypatch.undo()
    configure_logging("error")


def objects(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


async def test_what_a_request_logs_carries_the_id_that_its_answer_shows(
    app: FastAPI, client: httpx.AsyncClient, lines: io.StringIO
) -> None:
    @app.get("/logs-something", name="x")
    async def route() -> None:
        structlog.get_logger().info("run_cancelled", job_id=7, attempt=2)

    app.router.routes.insert(0, app.router.routes.pop())
    answer = await client.get("/logs-something")
    line = next(one for one in objects(lines) if one["event"] == "run_cancelled")
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert (line["job_id"], line["attempt"], line["level"]) == (7, 2, "info")


def test_secrets_are_hidden_by_key_by_form_and_however_deep(lines: io.StringIO) -> None:
    structlog.get_logger().info(
        "asked", password="hunter2", reason=f"with {TOKEN} refused",
        url="postgresql://ada:hunter2@db/x", header="Bearer abcdefghijkl",
        more={"headers": [{"Cookie": "session=hunter2"}, f"x {TOKEN}"]},
    )  # fmt: skip
    text = lines.getvalue()
    assert "hunter2" not in text
    assert TOKEN not in text
    assert "abcdefghijkl" not in text
    assert objects(lines)[0]["url"] == "postgresql://ada:[redacted]@db/x"


def test_what_a_library_says_is_an_object_of_the_same_shape(lines: io.StringIO) -> None:
    def lose() -> None:
        raise RuntimeError("postgresql://ada:hunter2@db/x is away")

    try:
        lose()
    except RuntimeError:
        logging.getLogger("some.library").exception("It broke on\ntwo lines with %s", TOKEN)
    (line,) = objects(lines)
    assert (line["level"], line["logger"]) == ("error", "some.library")
    assert "RuntimeError" in line["exception"]
    assert "hunter2" not in lines.getvalue()
    assert TOKEN not in lines.getvalue()
