"""Reading what a fetch asks for, in both versions of the protocol."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.core.errors import BadRequestError
from app.githost import pktline
from app.hub.schemas.packs import Depth, FetchWish

_MAX_DEPTH = 0x7FFFFFFF
_MAX_IDS = 200_000


@dataclass
class FetchRequest:
    """One message of a fetch; `features` are what the client switched on."""

    wants: list[str] = field(default_factory=list)
    haves: list[str] = field(default_factory=list)
    shallow: set[str] = field(default_factory=set)
    features: set[str] = field(default_factory=set)
    depth: int = 0
    since: datetime | None = None
    without: list[str] = field(default_factory=list)
    blob_limit: int | None = None
    is_done: bool = False

    def wish(self, without: tuple[str, ...] = ()) -> FetchWish:
        """Return what is asked of the hub; `without` are the ids behind `deepen-not`."""
        return FetchWish(
            wants=tuple(self.wants),
            haves=tuple(self.haves),
            shallow=frozenset(self.shallow),
            depth=Depth(self.depth, self.since, without),
            blob_limit=self.blob_limit,
            include_tags="include-tag" in self.features,
        )

    @property
    def is_limited(self) -> bool:
        """Whether the client wants less than the whole history."""
        return bool(self.depth or self.since or self.without)

    def read(self, text: str) -> None:
        """Take one line.

        Raises:
            BadRequestError: it says nothing that a fetch can say.
        """
        word, _space, value = text.partition(" ")
        if word == "want":
            oid, _space, features = value.partition(" ")
            self.wants.append(_oid(oid))
            self.features |= set(features.split())
        elif word == "have":
            self.haves.append(_oid(value))
        elif word == "shallow":
            self.shallow.add(_oid(value))
        elif word == "done":
            self.is_done = True
        elif word.startswith("deepen"):
            self._deepen(word, value)
        elif word == "filter":
            self.blob_limit = _blob_limit(value)
        else:
            self.features.add(text)

    def _deepen(self, word: str, value: str) -> None:
        if word == "deepen":
            self.depth = min(_number(value), _MAX_DEPTH)
        elif word == "deepen-since":
            self.since = datetime.fromtimestamp(min(_number(value), 1 << 33), UTC)
        elif word == "deepen-not":
            self.without.append(value)
        else:
            raise BadRequestError(f"This site does not understand {word!r}.")


def fetch_request(lines: Iterable[bytes | None]) -> FetchRequest:
    """Return what these lines ask for.

    Raises:
        BadRequestError: one cannot be read, or there are too many.
    """
    request = FetchRequest()
    for one in lines:
        if one is None or one == pktline.DELIMITED:
            continue
        request.read(one.decode("utf-8", "replace"))
        if len(request.wants) + len(request.haves) > _MAX_IDS:
            raise BadRequestError("This fetch names too many commits at once.")
    return request


def command(body: bytes) -> tuple[str, list[bytes]]:
    """Return command and arguments of a message of version 2.

    Raises:
        BadRequestError: there is no command in it.
    """
    head: list[bytes] = []
    arguments: list[bytes] = []
    into = head
    for one in pktline.parse(body):
        if one is None:
            break
        if one == pktline.DELIMITED:
            into = arguments
        else:
            into.append(one)
    name = next((h[8:].decode("ascii", "replace") for h in head if h.startswith(b"command=")), "")
    if not name:
        raise BadRequestError("This message names no command.")
    return name, arguments


def _oid(value: str) -> str:
    if len(value) != 40 or not set(value) <= set("0123456789abcdef"):  # noqa: PLR2004  # sha1 in hex
        raise BadRequestError("An object's id must be 40 hexadecimal digits.")
    return value


def _number(value: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 15:  # noqa: PLR2004  # no sane number is longer
        raise BadRequestError("This should be a number.")
    return int(value)


def _blob_limit(spec: str) -> int:
    if spec == "blob:none":
        return 0
    kind, _sep, value = spec.rpartition(":")
    if kind == "blob" and value.startswith("limit="):
        digits = value[6:].lower()
        factor = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}.get(digits[-1:], 1)
        return _number(digits.rstrip("kmg")) * factor
    raise BadRequestError(
        f"This site does not know the filter {spec[:100]!r}.",
        fix="Use --filter=blob:none or --filter=blob:limit=SIZE.",
    )
