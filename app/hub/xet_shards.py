"""Shards as the site sends them: which chunks lie in which bundle, under keyed hashes.

Source: the Xet protocol's published specification (shard format, global deduplication).
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.hub.xet import SHARD_TAG, from_hex

_HEADER = struct.Struct("<32sQQ")
_XORB = struct.Struct("<32sIIII")
_CHUNK = struct.Struct("<32sII8x")
# After the two sections three look-up tables could stand: where, and how many rows.
_FOOTER = struct.Struct("<QQQ6Q32sQQ72xQ")
_BOOKEND = b"\xff" * 32 + bytes(16)
_HEADER_VERSION = 2
_FOOTER_VERSION = 1


@dataclass(frozen=True)
class SharedXorb:
    """A bundle that may be built on; of each chunk the keyed hash and the size."""

    hash: str
    packed_size: int
    chunks: Sequence[tuple[bytes, int]]


def write_shard(xorbs: Iterable[SharedXorb], key: bytes, moment: int, lifetime_s: int) -> bytes:
    """Return a shard without files.

    Args:
        xorbs: the bundles.
        key: with what the hashes of the chunks were keyed.
        moment: seconds since 1970, now.
        lifetime_s: for how long the client may rely on it.
    """
    out = bytearray(_HEADER.pack(SHARD_TAG, _HEADER_VERSION, _FOOTER.size))
    files_at = len(out)
    out += _BOOKEND
    xorbs_at = len(out)
    for xorb in xorbs:
        out += _block(xorb)
    out += _BOOKEND
    end = len(out)
    out += _FOOTER.pack(
        _FOOTER_VERSION,
        files_at,
        xorbs_at,
        *(end, 0, end, 0, end, 0),
        key,
        moment,
        moment + lifetime_s,
        end,
    )
    return bytes(out)


def _block(xorb: SharedXorb) -> bytes:
    total = sum(size for _hash, size in xorb.chunks)
    out = bytearray(_XORB.pack(from_hex(xorb.hash), 0, len(xorb.chunks), total, xorb.packed_size))
    at = 0
    for digest, size in xorb.chunks:
        out += _CHUNK.pack(digest, at, size)
        at += size
    return bytes(out)
