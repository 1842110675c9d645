"""A post office on loopback: a real SMTP server that keeps what it is given."""

import asyncio
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from app.core.db import Database
from app.core.settings import Settings
from app.mail.service import send_due


@dataclass
class PostOffice:
    """Takes letters; `refused` says for an address, or for `DATA`, what is answered instead."""

    letters: list[EmailMessage] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    port: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """The address for `TUNINGFORK_SMTP_URL`."""
        return f"smtp://127.0.0.1:{self.port}?starttls=never"

    def to(self, address: str) -> list[EmailMessage]:
        """Return the letters to this address, the oldest first."""
        return [letter for letter in self.letters if address in str(letter["To"])]

    async def handle_RCPT(  # noqa: N802  # the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: object
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802  # the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if "DATA" in self.refused:
            return self.refused["DATA"]
        content = envelope.content
        assert isinstance(content, bytes)
        letter = message_from_bytes(content, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        self.arrived.set()
        return "250 Taken"


@asynccontextmanager
async def post_office(*, password: str = "") -> AsyncIterator[PostOffice]:
    """Serve until the block is left; with a password only `site` with it is let in."""
    office, served = PostOffice(), list[SMTP]()

    def authenticate(
        _server: object, _session: object, _envelope: object, _mechanism: str, data: object
    ) -> AuthResult:
        right = isinstance(data, LoginPassword) and data.password == password.encode()
        return AuthResult(success=right, handled=False)

    def protocol() -> SMTP:
        with warnings.catch_warnings(action="ignore"):  # it dislikes passwords without TLS
            served.append(
                SMTP(
                    office,
                    hostname="post.example",
                    authenticator=authenticate,
                    auth_required=bool(password),
                    auth_require_tls=False,
                )
            )
        return served[-1]

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    office.port = server.sockets[0].getsockname()[1]
    yield office
    server.close()
    for connection in served:
        if connection.transport is not None:
            connection.transport.close()
    await server.wait_closed()


async def send_letters(database: Database, settings: Settings) -> int:
    """Send what is due now; return how many letters were tried."""
    return await send_due(database, settings)
