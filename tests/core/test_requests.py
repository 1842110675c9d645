"""What every request meets before a route: hosts, origins, errors, ids."""

import httpx
import pytest


async def test_the_process_says_it_is_alive_and_ready(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert (await client.get("/readyz")).json() == {"status": "ready"}


async def test_an_unknown_host_name_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/healthz", headers={"Host": "evil.example"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://testserver"}, 404),
        ({"Sec-Fetch-Site": "same-origin"}, 404),
        ({}, 404),
    ],
)
async def test_a_write_from_another_site_is_refused(
    client: httpx.AsyncClient, headers: dict[str, str], status: int
) -> None:
    answer = await client.post("/api/v1/nothing-here", headers=headers)
    assert answer.status_code == status


async def test_an_answer_carries_the_request_id_and_security_headers(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/healthz", headers={"X-Request-Id": "abc-123"})
    assert answer.headers["x-request-id"] == "abc-123"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_an_unknown_address_answers_programs_in_json(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/nothing")
    assert answer.status_code == 404
    assert answer.json()["error"]
    assert answer.json()["incident"] == answer.headers["x-request-id"]


async def test_a_credential_nobody_knows_is_refused_rather_than_ignored(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/tutorials", headers={"Authorization": "Bearer hf_unknown"})
    assert answer.status_code == 401
    assert "Invalid credentials" in answer.json()["error"]
