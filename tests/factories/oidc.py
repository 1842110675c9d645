"""A provider on loopback that speaks OpenID Connect and GitHub's way, small but real."""

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

SECRET = "the provider's secret & more"


@dataclass
class Provider:
    """Knows who sits before it (`claims`), and what it shall get wrong."""

    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "s-1"})
    wrong: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1"}))
    kid: str = "k1"
    signs_with: str = "key"
    port: int = 0
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    # The paths it was asked for, and what is to be looked at while somebody waits for an answer.
    asked: list[str] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None

    @property
    def issuer(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def setting(self, kind: str = "oidc") -> dict[str, str]:
        """Return what the operator of the site writes down."""
        return {
            "name": "corp",
            "label": "Corp",
            "kind": kind,
            "issuer": self.issuer,
            "api": self.issuer,
            "client_id": "site",
            "client_secret": SECRET,
        }

    def agree(self, address: str) -> str:
        """Do what a person's browser does at the authorize address; return where it is sent."""
        query = dict(parse_qsl(urlsplit(address).query))
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_hex(8)
        self.codes[code] = query
        back = urlsplit(query["redirect_uri"])
        return f"{back.path}?{urlencode({'code': code, 'state': query['state']})}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        path = head[0].split(" ")[1]
        self.asked.append(path)
        self.meanwhile()
        headers = {k.lower(): v for k, _s, v in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        status, told = self._told(path, headers, body.decode())
        content = json.dumps(told).encode()
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n"
            f"Content-Length: {len(content)}\r\n\r\n".encode()
            + content
        )
        await writer.drain()
        writer.close()

    def _told(self, path: str, headers: dict[str, str], body: str) -> tuple[str, Any]:
        if path == "/.well-known/openid-configuration":
            return "200 OK", {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }
        if path == "/keys":
            return "200 OK", {"keys": [self.key.as_dict(private=False)]}
        if path in {"/token", "/login/oauth/access_token"}:
            return self._token(headers, body)
        if headers.get("authorization") != "Bearer token-of-a-person":
            return "401 Unauthorized", {}
        if path == "/user":
            return "200 OK", {"id": 7, "login": "Ada"}
        return "200 OK", [
            {"email": self.claims.get("email", ""), "primary": True, "verified": True}
        ]

    def _token(self, headers: dict[str, str], body: str) -> tuple[str, Any]:
        form = {name: values[0] for name, values in parse_qs(body).items()}
        asked = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge:
            return "400 Bad Request", {"error": "invalid_grant"}
        if asked["redirect_uri"] != form["redirect_uri"] or not _knows(headers, form):
            return "400 Bad Request", {"error": "invalid_client"}
        return "200 OK", {
            "access_token": "token-of-a-person",
            "token_type": "Bearer",
            "id_token": self._id_token(asked["nonce"]),
        }

    def _id_token(self, nonce: str) -> str:
        claims = {
            "iss": self.issuer,
            "aud": "site",
            "iat": int(time.time()),
            "exp": int(time.time()) + 60,
            "nonce": nonce,
            **self.claims,
            **self.wrong,
        }
        if self.signs_with == "secret":
            return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET * 2))
        key = self.key if self.signs_with == "key" else RSAKey.generate_key(2048, {"kid": "k1"})
        return jwt.encode({"alg": "RS256", "kid": self.kid}, claims, key)


def _knows(headers: dict[str, str], form: dict[str, str]) -> bool:
    if "client_secret" in form:
        return form["client_secret"] == SECRET
    pair = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
    login, _sep, secret = pair.partition(":")
    return parse_qs(f"a={login}&b={secret}") == {"a": ["site"], "b": [SECRET]}


@asynccontextmanager
async def oidc_provider() -> AsyncIterator[Provider]:
    """Serve until the block is left."""
    provider = Provider()
    server = await asyncio.start_server(provider.answer, "127.0.0.1", 0)
    provider.port = server.sockets[0].getsockname()[1]
    yield provider
    server.close()
    await server.wait_closed()
