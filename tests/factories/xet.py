"""A Xet client in a few lines, so that a test can also send what no honest client would."""

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import httpx
import lz4.frame

from app.hub import xet

_CHUNK = 50_000


def cut(data: bytes, size: int = _CHUNK) -> list[bytes]:
    """Return the chunks of a file; any cuts will do."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def packed(chunk: bytes, scheme: int = 0) -> bytes:
    """Return a chunk with its header: 0 as it is, 1 compressed, 2 grouped and compressed."""
    grouped = b"".join(chunk[offset::4] for offset in range(4))
    body = chunk if scheme == 0 else lz4.frame.compress(grouped if scheme == 2 else chunk)
    head = b"\0" + len(body).to_bytes(3, "little") + bytes([scheme])
    return head + len(chunk).to_bytes(3, "little") + body


def table(chunks: Sequence[bytes]) -> list[xet.Chunk]:
    """Return hashes and sizes; where packed bytes end does not matter to a sender."""
    return [xet.Chunk(xet.chunk_hash(chunk), len(chunk), 0) for chunk in chunks]


@dataclass(frozen=True)
class Xorb:
    """A bundle: its chunks and its packed bytes."""

    chunks: Sequence[bytes]
    body: bytes

    @property
    def hash(self) -> str:
        """What names it."""
        return xet.xorb_hash(table(self.chunks))


def xorb(chunks: Sequence[bytes], schemes: Sequence[int] = (0,)) -> Xorb:
    """Return a bundle of chunks, packed in the given ways in turn."""
    parts = [packed(chunk, schemes[n % len(schemes)]) for n, chunk in enumerate(chunks)]
    return Xorb(chunks, b"".join(parts))


def term(source: Xorb, first: int = 0, last: int | None = None) -> xet.Term:
    """Return a run of chunks of a bundle, with a true proof."""
    last = len(source.chunks) if last is None else last
    part = source.chunks[first:last]
    return xet.Term(source.hash, sum(map(len, part)), first, last, xet.term_proof(table(part)))


def shard(terms: Sequence[xet.Term], chunks: Sequence[bytes], sha256: str = "") -> bytes:
    """Return a shard with one file of these terms, which consists of these chunks."""
    sha256 = sha256 or hashlib.sha256(b"".join(chunks)).hexdigest()
    head = xet.from_hex(xet.file_hash(table(chunks)))
    out = xet.SHARD_TAG + struct.pack("<QQ", 2, 0)
    out += head + struct.pack("<IIQ", 3 << 30, len(terms), 0)
    for one in terms:
        out += xet.from_hex(one.xorb) + struct.pack("<IIII", 0, one.size, one.first, one.last)
    for one in terms:
        out += one.proof + bytes(16)
    end = b"\xff" * 32 + bytes(16)
    return out + xet.from_hex(sha256) + bytes(16) + end + end


@dataclass(frozen=True)
class XetClient:
    """One person's client for one repository."""

    client: httpx.AsyncClient
    headers: Mapping[str, str]
    repo: str

    def as_(self, headers: Mapping[str, str], repo: str = "") -> "XetClient":
        """Return another person's client."""
        return replace(self, headers=headers, repo=repo or self.repo)

    async def token(self, action: str = "write") -> tuple[str, dict[str, str]]:
        """Return the address of the store and the headers of a token."""
        path = f"/api/models/{self.repo}/xet-{action}-token/main"
        answer = await self.client.get(path, headers=self.headers)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        return body["casUrl"], {"Authorization": f"Bearer {body['accessToken']}"}

    async def send_xorb(self, bundle: Xorb) -> httpx.Response:
        """Send a bundle."""
        cas, headers = await self.token()
        url = f"{cas}/v1/xorbs/default/{bundle.hash}"
        return await self.client.post(url, content=bundle.body, headers=headers)

    async def send_shard(self, body: bytes) -> httpx.Response:
        """Send a shard."""
        cas, headers = await self.token()
        return await self.client.post(f"{cas}/v1/shards", content=body, headers=headers)

    async def send_file(self, data: bytes, schemes: Sequence[int] = (0,)) -> str:
        """Send a file as one bundle; return its Xet hash."""
        chunks = cut(data)
        bundle = xorb(chunks, schemes)
        sent = await self.send_xorb(bundle)
        assert sent.status_code == 200, sent.text
        taken = await self.send_shard(shard([term(bundle)], chunks))
        assert taken.status_code == 200, taken.text
        return xet.file_hash(table(chunks))

    async def reconstruction(
        self, file_hash: str, *, version: int = 1, **more: str
    ) -> httpx.Response:
        """Ask what a file is made of."""
        cas, headers = await self.token("read")
        url = f"{cas}/v{version}/reconstructions/{file_hash}"
        return await self.client.get(url, headers=headers | more)

    async def find_chunk(self, chunk: bytes) -> httpx.Response:
        """Ask in which bundles a chunk lies."""
        cas, headers = await self.token()
        name = xet.to_hex(xet.chunk_hash(chunk))
        return await self.client.get(f"{cas}/v1/chunks/default/{name}", headers=headers)
