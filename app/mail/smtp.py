"""The server that takes letters away, read from one address."""

from dataclasses import dataclass, field
from email.utils import formataddr, parseaddr
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from app.core.errors import InvalidError
from app.core.i18n import _
from app.core.settings import Settings

TIMEOUT_S = 30.0
_PORTS = {"smtp": 25, "smtps": 465}
_STARTTLS = {"auto": None, "1": True, "always": True, "0": False, "never": False}


@dataclass(frozen=True)
class SmtpServer:
    """Where letters go. `starttls` None means: encrypt if the server can."""

    host: str
    port: int
    implicit_tls: bool
    starttls: bool | None
    username: str = ""
    password: str = field(default="", repr=False)

    def client(self) -> aiosmtplib.SMTP:
        """Return a client that is not connected yet; it connects when entered."""
        return aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            username=self.username or None,
            password=self.password or None,
            use_tls=self.implicit_tls,
            start_tls=False if self.implicit_tls else self.starttls,
            timeout=TIMEOUT_S,
        )


def smtp_server(settings: Settings) -> SmtpServer | None:
    """Return the server of `TUNINGFORK_SMTP_URL`; None when there is none.

    Raises:
        InvalidError: the address cannot be read.
    """
    url = settings.smtp_url.get_secret_value().strip()
    if not url:
        return None
    try:
        return _parsed(url)
    except (ValueError, KeyError) as error:
        raise InvalidError(
            _("TUNINGFORK_SMTP_URL cannot be read."),
            fix=_("Write smtp://user:password@host:587 or smtps://user:password@host."),
            code="bad_smtp_url",
        ) from error


def _parsed(url: str) -> SmtpServer:
    parts = urlsplit(url)
    words = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
    if not parts.hostname or set(words) - {"starttls"}:
        raise ValueError(url)
    return SmtpServer(
        host=parts.hostname,
        port=parts.port or _PORTS[parts.scheme],
        implicit_tls={"smtp": False, "smtps": True}[parts.scheme],
        starttls=_STARTTLS[words.get("starttls", ["auto"])[0]],
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def sender(settings: Settings) -> str:
    """Return what stands in From: the operator's choice, else noreply at the site's own host."""
    name, address = parseaddr(settings.mail_from)
    if not address:
        host = urlsplit(settings.site_url).hostname or "localhost"
        return formataddr(("Tuningfork", f"noreply@{host}"))
    return formataddr((name, address))
