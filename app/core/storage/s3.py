"""A bucket of an S3-compatible store, through obstore; path-style addresses."""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from app.core.clock import now
from app.core.errors import UnavailableError
from app.core.storage.base import (
    CHUNK_BYTES,
    TEMP_PREFIX,
    BlobStore,
    BlobWriter,
    StoredObject,
    checked_key,
    is_stale,
    missing,
)

_PART_BYTES = 8 << 20  # smaller objects are sent whole, in one request
_FRESH = timedelta(hours=1)
_COPY_LIMIT = 4 << 30  # the S3 protocol copies at most 5 GiB in one request


@dataclass(frozen=True)
class S3Address:
    """Where the bucket is and how to sign in; `endpoint` is empty for the public service.

    Clients fetch files at `public`, where that is not the address by which the site reaches it.
    """

    bucket: str
    prefix: str
    endpoint: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    public: str = ""


def _unavailable(error: BaseError) -> UnavailableError:
    return UnavailableError(
        "The object store does not answer right now.",
        fix="Try again in a moment.",
        headers={"Retry-After": "5"},
    ).with_traceback(error.__traceback__)


class S3Writer(BlobWriter):
    """Keeps a small object in memory; sends a large one in parts to a temporary key."""

    def __init__(self, store: S3Store, owner: "S3BlobStore", *, hashed: bool) -> None:
        super().__init__(hashed=hashed)
        self._store = store
        self._owner = owner
        self._temp = TEMP_PREFIX + secrets.token_hex(16)
        self._held = bytearray()
        self._parts: Any = None  # obstore's writer, which has no public class

    async def _append(self, block: bytes) -> None:
        await asyncio.to_thread(self._digest, block)
        if self._parts is not None:
            await self._send(block)
            return
        self._held += block
        if len(self._held) > _PART_BYTES:
            self._parts = obstore.open_writer_async(
                self._store, self._temp, buffer_size=_PART_BYTES, max_concurrency=2
            )
            held, self._held = bytes(self._held), bytearray()
            await self._send(held)

    async def _send(self, block: bytes) -> None:
        try:
            await self._parts.write(block)
        except BaseError as error:
            raise _unavailable(error) from error

    async def promote(self, key: str) -> None:
        """Create the object, or finish its parts and copy them to the key."""
        try:
            if self._parts is None:
                await self._create(checked_key(key))
            else:
                await self._parts.close()
                await self._copy(checked_key(key))
        except BaseError as error:
            raise _unavailable(error) from error

    async def _create(self, key: str) -> None:
        try:
            await obstore.put_async(self._store, key, bytes(self._held), mode="create")
        except AlreadyExistsError:
            if not await self._is_fresh(key):
                await obstore.put_async(self._store, key, bytes(self._held))

    async def _is_fresh(self, key: str) -> bool:
        """Whether the object is there and no sweep may take it soon; else it is sent over it."""
        try:
            head = await obstore.head_async(self._store, key)
        except FileNotFoundError:
            return False
        return bool(now() - head["last_modified"] < _FRESH)

    async def _copy(self, key: str) -> None:
        if await self._is_fresh(key):
            return
        if self.size <= _COPY_LIMIT:
            await obstore.copy_async(self._store, self._temp, key)
            return
        parts = obstore.open_writer_async(self._store, key, buffer_size=_PART_BYTES)
        async for block in self._owner.read(self._temp):
            await parts.write(block)
        await parts.close()

    async def discard(self) -> None:
        """Remove the temporary object."""
        self._held = bytearray()
        if self._parts is not None:
            self._parts = None
            await self._owner.delete(self._temp)


class S3BlobStore(BlobStore):
    """Objects in one bucket, under one prefix."""

    best_read = 4 * CHUNK_BYTES  # a request takes its time, whatever it is for

    def __init__(self, address: S3Address) -> None:
        self._address = address
        self._store = S3Store(
            address.bucket,
            prefix=address.prefix or None,
            endpoint=address.endpoint or None,
            region=address.region,
            access_key_id=address.access_key,
            secret_access_key=address.secret_key,
            virtual_hosted_style_request=False,
            client_options={
                "allow_http": address.endpoint.startswith("http://"),
                "timeout": timedelta(minutes=10),
                "connect_timeout": timedelta(seconds=5),
            },
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
        )

    async def writer(self, *, hashed: bool = True) -> BlobWriter:
        """Start a new object."""
        return S3Writer(self._store, self, hashed=hashed)

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes [start, end)."""
        if end is not None and end <= start:
            return
        options: Any = {}
        if start or end is not None:
            options = {"range": {"offset": start} if end is None else (start, end)}
        try:
            answer = await obstore.get_async(self._store, checked_key(key), options=options)
            async for block in answer.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(block)
        except FileNotFoundError as error:
            raise missing(key) from error
        except BaseError as error:
            raise _unavailable(error) from error

    async def size(self, key: str) -> int | None:
        """Ask the store for the object's size."""
        try:
            return int((await obstore.head_async(self._store, checked_key(key)))["size"])
        except FileNotFoundError:
            return None
        except BaseError as error:
            raise _unavailable(error) from error

    async def delete(self, key: str) -> None:
        """Remove the object."""
        try:
            await obstore.delete_async(self._store, checked_key(key))
        except FileNotFoundError:
            return
        except BaseError as error:
            raise _unavailable(error) from error

    async def objects(self, prefix: str) -> AsyncIterator[list[StoredObject]]:
        """List the prefix, a thousand objects at a time."""
        async for batch in self._listed(checked_key(prefix) + "/"):
            yield batch

    async def prefixes(self) -> list[str]:
        """List what stands before the first slash."""
        try:
            found = await obstore.list_with_delimiter_async(self._store)
        except BaseError as error:
            if "NoSuchBucket" not in str(error):
                raise _unavailable(error) from error
            return []
        names = (str(one).strip("/") for one in found["common_prefixes"])
        return sorted(name for name in names if name != TEMP_PREFIX.strip("/"))

    async def delete_unless_written(self, key: str, since: datetime) -> bool:
        """Look when the object was last sent, and remove it if that is long ago."""
        try:
            head = await obstore.head_async(self._store, checked_key(key))
        except FileNotFoundError:
            return True
        except BaseError as error:
            raise _unavailable(error) from error
        if head["last_modified"] >= since:
            return False
        await self.delete(key)
        return True

    async def temps(self, older_than: timedelta) -> list[str]:
        """List the temporary prefix."""
        moment, found = now(), []
        async for batch in self._listed(TEMP_PREFIX):
            found += [one.key for one in batch if is_stale(one.written, moment, older_than)]
        return found

    async def _listed(self, prefix: str) -> AsyncIterator[list[StoredObject]]:
        try:
            async for batch in obstore.list(self._store, prefix, chunk_size=1000):
                yield [
                    StoredObject(str(entry["path"]), int(entry["size"]), entry["last_modified"])
                    for entry in batch
                ]
        except BaseError as error:
            # Some stores make a bucket with its first object; until then it holds nothing.
            if "NoSuchBucket" not in str(error):
                raise _unavailable(error) from error

    @property
    def origin(self) -> str:
        """Where `signed_url` leads."""
        parts = urlsplit(self._public)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def _public(self) -> str:
        where = self._address
        return where.public or where.endpoint or f"https://s3.{where.region}.amazonaws.com"

    def signed_url(
        self, key: str, *, expires: timedelta, content_type: str = "", disposition: str = ""
    ) -> str | None:
        """Return a GET address valid for `expires`; type and disposition are signed too.

        The store would guess a content type from the bytes, and a browser would believe it.
        """
        where, moment, base = self._address, now(), self._public
        full_key = f"{where.prefix}/{key}" if where.prefix else key
        path = quote(f"{urlsplit(base).path}/{where.bucket}/{full_key}")
        scope = f"{moment:%Y%m%d}/{where.region}/s3/aws4_request"
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{where.access_key}/{scope}",
            "X-Amz-Date": f"{moment:%Y%m%dT%H%M%SZ}",
            "X-Amz-Expires": str(int(expires.total_seconds())),
            "X-Amz-SignedHeaders": "host",
            "response-content-disposition": disposition or "attachment",
            "response-content-type": content_type or "application/octet-stream",
        }
        encoded = urlencode(sorted(query.items()), quote_via=quote, safe="")
        host = urlsplit(base).netloc
        canonical = f"GET\n{path}\n{encoded}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = f"AWS4-HMAC-SHA256\n{moment:%Y%m%dT%H%M%SZ}\n{scope}\n{digest}"
        signature = hmac.new(
            _signing_key(where.secret_key, scope), to_sign.encode(), hashlib.sha256
        ).hexdigest()
        return f"{urlsplit(base).scheme}://{host}{path}?{encoded}&X-Amz-Signature={signature}"


def _signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
