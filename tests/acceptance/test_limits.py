"""How often a program may ask: every answer says it, and one too many says when to come back."""

import httpx
import pytest

from app.core.settings import Settings


@pytest.fixture
async def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"requests_api_visitor": 3})


async def test_every_answer_to_a_program_says_how_many_requests_are_left(
    client: httpx.AsyncClient,
) -> None:
    for path in ("/api/v1/questions", "/api/models", "/api/v1/nowhere"):
        answer = await client.get(path)
        assert '"api"' in answer.headers["ratelimit"]
        assert "ratelimit-policy" in answer.headers


async def test_one_request_too_many_is_told_when_to_come_back(client: httpx.AsyncClient) -> None:
    answers = [await client.get("/api/v1/questions") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 301
