"""The bare peer: speaks just enough for the stock client to copy a file, and only stores bytes.

It checks nothing, syncs nothing, and hands the file back as it lies on the disk.
Run: python -m bench._bare_peer FD FOLDER.
"""

import json
import os
import secrets
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import uvicorn

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_BLOCK = 1 << 20
_COMMIT = "1" * 40


class BarePeer:
    """One folder of bytes behind the protocol's few routes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        if "/resolve/" in path:
            await self._file(method, send)
        elif "/v1/xorbs/" in path:
            await self._store(receive)
            await _json(send, {"was_inserted": True})
        else:
            body = b"".join([block async for block in _blocks(receive)])
            await self._answer(scope, path, body, send)

    async def _answer(self, scope: Mapping[str, Any], path: str, body: bytes, send: Send) -> None:
        if "/preupload/" in path:
            files = [
                {"path": file["path"], "uploadMode": "lfs", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            await _json(send, {"files": files})
        elif "/xet-write-token/" in path:
            host = dict(scope["headers"])[b"host"].decode()
            token = {"accessToken": "t", "exp": 4_000_000_000, "casUrl": f"http://{host}/cas"}
            await _json(send, token)
        elif path.endswith("/v1/shards"):
            await _json(send, {"result": 1})
        elif "/commit/" in path:
            url = f"http://{dict(scope['headers'])[b'host'].decode()}/bench/big/commit/{_COMMIT}"
            await _json(send, {"commitUrl": url, "commitOid": _COMMIT, "success": True})
        else:
            await _json(send, {"error": "Not here."}, 404)

    async def _store(self, receive: Receive) -> None:
        with (self._folder / secrets.token_hex(8)).open("wb") as out:
            async for block in _blocks(receive):
                out.write(block)

    async def _file(self, method: str, send: Send) -> None:
        file = self._folder / "served.bin"
        size = file.stat().st_size
        headers = {"content-length": size, "etag": '"' + "2" * 40 + '"', "x-repo-commit": _COMMIT}
        await _start(send, 200, headers)
        if method == "GET":
            with file.open("rb", buffering=0) as source:
                while block := source.read(_BLOCK):
                    await send({"type": "http.response.body", "body": block, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _blocks(receive: Receive) -> Any:
    while True:
        message = await receive()
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


async def _start(send: Send, status: int, headers: Mapping[str, object]) -> None:
    pairs = [(name.encode(), str(value).encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def _json(send: Send, value: object, status: int = 200) -> None:
    body = json.dumps(value).encode()
    headers = {"content-type": "application/json", "content-length": len(body)}
    await _start(send, status, headers)
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serve on a socket that was given."""
    descriptor, folder = int(sys.argv[1]), Path(sys.argv[2])
    config = uvicorn.Config(
        BarePeer(folder), fd=descriptor, http="httptools", loop="uvloop", log_level="error",
        access_log=False, lifespan="off",
    )  # fmt: skip
    os.umask(0o077)
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
