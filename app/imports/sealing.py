"""Keeping a person's token for another hub unreadable to who sees only the database.

Encrypt-then-MAC with what the standard library has: SHAKE-256 keyed with the site's secret and a
fresh nonce makes the key stream, HMAC-SHA256 with a second key proves that nothing was changed.
"""

import hashlib
import hmac
import secrets

_NONCE = 16
_MAC = 32


def seal(key: str, text: str) -> bytes:
    """Return `text` encrypted under the site's secret `key`."""
    nonce = secrets.token_bytes(_NONCE)
    hidden = _xor(text.encode(), _stream(key, nonce, len(text.encode())))
    return nonce + hidden + _mac(key, nonce + hidden)


def unseal(key: str, sealed: bytes) -> str | None:
    """Return the text inside; None if it was sealed under another key, or changed."""
    body, mac = sealed[:-_MAC], sealed[-_MAC:]
    if len(sealed) < _NONCE + _MAC or not hmac.compare_digest(mac, _mac(key, body)):
        return None
    nonce, hidden = body[:_NONCE], body[_NONCE:]
    return _xor(hidden, _stream(key, nonce, len(hidden))).decode()


def _derived(key: str, purpose: str) -> bytes:
    return hmac.new(key.encode(), f"imports token {purpose}".encode(), hashlib.sha256).digest()


def _stream(key: str, nonce: bytes, length: int) -> bytes:
    return hashlib.shake_256(_derived(key, "stream") + nonce).digest(length)


def _mac(key: str, data: bytes) -> bytes:
    return hmac.new(_derived(key, "mac"), data, hashlib.sha256).digest()


def _xor(data: bytes, stream: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(data, stream, strict=True))
