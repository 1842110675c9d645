"""What this site does not have answers 501 with the reason, for the client's user to read."""

import httpx
import pytest

from app.hfapi.api.left_out import LEFT_OUT
from tests.hf.conftest import Client


@pytest.mark.parametrize("word", LEFT_OUT)
async def test_a_part_that_is_left_out_says_why(client: httpx.AsyncClient, word: str) -> None:
    for method in ("GET", "POST", "PATCH", "DELETE"):
        for path in (f"/api/{word}", f"/api/{word}/ada/thing"):
            answer = await client.request(method, path)
            assert answer.status_code == 501, path
            assert answer.headers["X-Error-Code"] == "NotSupported"
            assert answer.headers["X-Error-Message"]
            assert answer.json()["error"] == LEFT_OUT[word]


async def test_the_stock_client_shows_the_reason(hf: Client) -> None:
    result = hf("""
try:
    list(api.list_spaces(limit=1))
except Exception as error:
    result = [type(error).__name__, str(error)]
""")
    assert result[0] == "HfHubHTTPError"
    assert "runs no Spaces" in result[1]
