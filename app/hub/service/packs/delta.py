"""Git's deltas: an object written as copies out of another one, and what is new.

Source: gitformat-pack of git's own documentation.
"""

from app.core.errors import InvalidError

_COPY = 0x80
_SIZE_ZERO = 0x10000  # a copy of no bytes means this many


def sizes(delta: bytes) -> tuple[int, int, int]:
    """Return the base's size, the result's size, and where the instructions begin."""
    base, at = _number(delta, 0)
    result, at = _number(delta, at)
    return base, result, at


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data):
            raise _bad()
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift += 7
        at += 1
        if not byte & 0x80:
            return value, at


def apply(base: bytes, delta: bytes) -> bytes:
    """Return the object that `delta` makes out of `base`.

    Raises:
        InvalidError: it was made for another base, or is damaged.
    """
    base_size, result_size, at = sizes(delta)
    if base_size != len(base):
        raise _bad()
    pieces, total, end = [], 0, len(delta)
    while at < end and total <= result_size:
        opcode = delta[at]
        at += 1
        if opcode & _COPY:
            start, size, at = _copy(delta, opcode, at)
            piece = base[start : start + size]
        else:
            size = opcode
            piece = delta[at : at + size]
            at += size
        if len(piece) != size or not size:
            raise _bad()
        pieces.append(piece)
        total += size
    if total != result_size:
        raise _bad()
    return b"".join(pieces)


def _copy(delta: bytes, opcode: int, at: int) -> tuple[int, int, int]:
    """Return where a copy begins, how long it is, and where the next instruction stands."""
    values = []
    for bits in ((0, 1, 2, 3), (4, 5, 6)):
        value = 0
        for place, bit in enumerate(bits):
            if opcode >> bit & 1:
                if at >= len(delta):
                    raise _bad()
                value |= delta[at] << 8 * place
                at += 1
        values.append(value)
    return values[0], values[1] or _SIZE_ZERO, at


def _bad() -> InvalidError:
    return InvalidError("A delta in the pack is damaged.", code="bad_pack")
