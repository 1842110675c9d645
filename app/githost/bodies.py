"""Request bodies of git: often compressed, sometimes large."""

import zlib
from collections.abc import AsyncIterator

from fastapi import Request

from app.core.errors import BadRequestError, TooLargeError

_STEP = 1 << 20


async def body_stream(request: Request) -> AsyncIterator[bytes]:
    """Yield the body, unpacked if it came compressed, a megabyte at most at a time.

    Raises:
        BadRequestError: it says that it is compressed and is not.
    """
    if request.headers.get("content-encoding", "").lower() not in {"gzip", "x-gzip"}:
        async for chunk in request.stream():
            yield chunk
        return
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        async for chunk in request.stream():
            pending = chunk
            while pending:
                yield unpacker.decompress(pending, _STEP)
                pending = unpacker.unconsumed_tail
        yield unpacker.flush()
    except zlib.error as error:
        raise BadRequestError("The body is not compressed as its header says.") from error


async def whole_body(request: Request, limit: int) -> bytes:
    """Return a body of at most `limit` bytes.

    Raises:
        BadRequestError: it cannot be unpacked.
        TooLargeError: it is longer.
    """
    body = bytearray()
    async for chunk in body_stream(request):
        body += chunk
        if len(body) > limit:
            raise TooLargeError("This message is too long.")
    return bytes(body)
