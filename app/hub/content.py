"""What kind of content bytes are: text that git keeps well, or binary that is kept by its hash."""

_TEXT_CONTROLS = frozenset(b"\t\n\r\f\b\x1b")


def is_binary(sample: bytes) -> bool:
    """Whether the first bytes of a file say that it is not text."""
    head = sample[:8192]
    if b"\0" in head:
        return True
    if any(byte < 0x20 and byte not in _TEXT_CONTROLS for byte in head):  # noqa: PLR2004  # space
        return True
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A sample may end inside a character; anything earlier is not UTF-8.
        return error.start < len(head) - 3
    return False
