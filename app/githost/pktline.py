"""Git's packet lines: four hex digits of length, then the line.

Source: gitprotocol-common and gitprotocol-v2 of git's own documentation.
"""

from collections.abc import Iterable, Iterator

from app.core.errors import BadRequestError

FLUSH = b"0000"
DELIMITER = b"0001"
DELIMITED = b"\x01"  # what a delimiter is read as; no line is like it
KEEPALIVE = b"0005\x02"  # nothing, on the band that users see
# The longest line is 65,520 bytes; four are the length, one names the band.
BAND_BYTES = 65_515
_MAX_LINE = 65_520
_FIRST_LENGTH = 4


def line(text: str | bytes) -> bytes:
    """Return one packet line."""
    data = text.encode() if isinstance(text, str) else text
    return b"%04x" % (len(data) + 4) + data


def band(number: int, data: bytes) -> bytes:
    """Return `data` on a side band: 1 is the answer itself, 2 what the user is shown."""
    view = memoryview(data)
    pieces = [view[at : at + BAND_BYTES] for at in range(0, len(view), BAND_BYTES)]
    return b"".join(b"%04x" % (len(p) + 5) + bytes((number,)) + p for p in pieces)


def shown(text: str) -> bytes:
    """Return lines for the user, one packet each; nothing in them can steer a terminal."""
    clean = "".join(char if char.isprintable() or char == "\n" else "?" for char in text)
    return b"".join(band(2, f"{one}\n".encode()) for one in clean.split("\n"))


def parse(data: bytes | memoryview) -> Iterator[bytes | None]:
    """Yield each line without its line end; None for a flush, `DELIMITED` for a delimiter.

    Raises:
        BadRequestError: these are not packet lines.
    """
    at, end = 0, len(data)
    while at < end:
        length = _length(bytes(data[at : at + 4]))
        if length >= _FIRST_LENGTH:
            if at + length > end:
                raise _bad()
            yield bytes(data[at + 4 : at + length]).rstrip(b"\n")
        else:
            yield None if length == 0 else DELIMITED
        at += max(length, 4)


def _length(digits: bytes) -> int:
    try:
        length = int(digits, 16) if len(digits) == 4 else -1  # noqa: PLR2004  # four hex digits
    except ValueError:
        length = -1
    if not 0 <= length <= _MAX_LINE or length == 3:  # noqa: PLR2004  # 3 means nothing
        raise _bad()
    return length


def _bad() -> BadRequestError:
    return BadRequestError("This is not a message of git's protocol.", code="bad_pktline")


def read_commands(head: bytes) -> tuple[list[bytes], int] | None:
    """Return the lines before the first flush and where it ends; None if it has not come yet.

    Raises:
        BadRequestError: these are not packet lines.
    """
    lines: list[bytes] = []
    at = 0
    while at + 4 <= len(head):
        length = _length(head[at : at + 4])
        if length == 0:
            return lines, at + 4
        if length < _FIRST_LENGTH:
            raise _bad()
        if at + length > len(head):
            return None
        lines.append(head[at + 4 : at + length])
        at += length
    return None


def joined(lines: Iterable[str | bytes]) -> bytes:
    """Return several packet lines."""
    return b"".join(line(one) for one in lines)
