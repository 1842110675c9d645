"""A commit is read as a stream: how long its body is does not matter to the site's memory."""

import base64
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

from tests.hub.conftest import Hub

_FILE = 1_000_000
_NUM_FILES = 150
_ALLOWED = 80_000_000


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def test_a_body_of_200_megabytes_takes_no_more_memory_than_a_small_one(hub: Hub) -> None:
    seen = []

    async def body(num_files: int) -> AsyncIterator[bytes]:
        yield json.dumps({"key": "header", "value": {"summary": "many"}}).encode() + b"\n"
        for number in range(num_files):
            content = number.to_bytes(8, "big") * (_FILE // 8)
            value = {
                "path": f"f{number}", "content": base64.b64encode(content).decode(),
                "encoding": "base64",
            }  # fmt: skip
            yield json.dumps({"key": "file", "value": value}).encode() + b"\n"
            seen.append(_resident())

    async def commit(num_files: int) -> int:
        address = "/api/models/ada/net/commit/main"
        answer = await hub.client.post(address, content=body(num_files), headers=hub.headers)
        return answer.status_code

    assert await commit(8) == 200
    before = max(seen)
    assert await commit(_NUM_FILES) == 200
    assert max(seen) - before < _ALLOWED
