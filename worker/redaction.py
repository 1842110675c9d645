"""Keeps credentials out of everything that is written down or sent."""

import re
from collections.abc import Collection, MutableMapping
from typing import Any

# Every token of this site and of its hub clients: a short prefix, then a long random part. Ours
# are hexadecimal; anything looser would also hide models named `tf_…`.
_TOKEN = re.compile(
    r"\btfj_[0-9]+_[0-9]+_[0-9]+_[0-9a-f]+|\btf_[0-9a-f]{32,}|\bhf_[A-Za-z0-9_\-]{12,}"
    r"|(?i:bearer)\s+[A-Za-z0-9._~+/\-]{8,}=*"
)
HIDDEN = "***"
# A shorter one would also be part of ordinary words.
_SHORTEST_SECRET = 8


def redact(text: str, secrets: Collection[str] = ()) -> str:
    """Return `text` without the given secrets and without anything that looks like a token."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
    return _TOKEN.sub(HIDDEN, text)


class RedactingProcessor:
    """A structlog processor that hides credentials in every value of a log line."""

    def __init__(self, secrets: Collection[str]) -> None:
        self._secrets = tuple(secrets)

    def __call__(
        self,
        logger: object,
        method: str,
        event: MutableMapping[str, Any],  # structlog's own type of a log line
    ) -> MutableMapping[str, Any]:
        """Return the log line with every text redacted."""
        del logger, method
        for name, value in event.items():
            if isinstance(value, str):
                event[name] = redact(value, self._secrets)
        return event
