"""Secrets that the site must be able to read again, unreadable to who sees only the database.

Encrypt-then-MAC with what the standard library has: HMAC-SHA256 under a key of the purpose and a
fresh nonce, counted up, makes the key stream; a second key proves that nothing was changed. Who has
the site's secret key can read everything; with another key, nothing sealed before can be read. The
length of a text shows. Meant for texts of some hundred bytes: it is not fast.
"""

import hashlib
import hmac
import secrets
from itertools import count

_NONCE = 16
_MAC = 32


def seal(key: str, purpose: str, text: str) -> bytes:
    """Return `text` encrypted under the site's secret `key`; `purpose` keeps its uses apart."""
    nonce, data = secrets.token_bytes(_NONCE), text.encode()
    body = nonce + _xor(data, _stream(_derived(key, purpose, "stream"), nonce, len(data)))
    return body + _tag(key, purpose, body)


def unseal(key: str, purpose: str, sealed: bytes) -> str | None:
    """Return the text inside; None if it was sealed under another key, or changed."""
    body, tag = sealed[:-_MAC], sealed[-_MAC:]
    if len(body) < _NONCE or not hmac.compare_digest(tag, _tag(key, purpose, body)):
        return None
    nonce, hidden = body[:_NONCE], body[_NONCE:]
    return _xor(hidden, _stream(_derived(key, purpose, "stream"), nonce, len(hidden))).decode()


def _derived(key: str, purpose: str, part: str) -> bytes:
    return hmac.new(key.encode(), f"sealing\0{purpose}\0{part}".encode(), hashlib.sha256).digest()


def _tag(key: str, purpose: str, body: bytes) -> bytes:
    return hmac.new(_derived(key, purpose, "mac"), body, hashlib.sha256).digest()


def _stream(key: bytes, nonce: bytes, length: int) -> bytes:
    stream = b""
    for number in count():
        if len(stream) >= length:
            break
        stream += hmac.new(key, nonce + number.to_bytes(8, "big"), hashlib.sha256).digest()
    return stream[:length]


def _xor(data: bytes, stream: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(data, stream, strict=True))
