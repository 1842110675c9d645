"""What kind of content bytes are: text that git keeps well, or binary that is kept by its hash."""

import fnmatch

_TEXT_CONTROLS = frozenset(b"\t\n\r\f\b\x1b")
_MAX_RULES = 2000


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


class PathRules:
    """Patterns of a `.gitattributes` or `.gitignore`; a later line overrides an earlier one."""

    def __init__(self, lines: list[tuple[str, bool]]) -> None:
        self._lines = lines[:_MAX_RULES]

    def matches(self, path: str) -> bool:
        """Whether the last pattern that fits `path` says yes."""
        for pattern, answer in reversed(self._lines):
            if _fits(pattern, path):
                return answer
        return False


def _fits(pattern: str, path: str) -> bool:
    anchored = pattern.lstrip("/")
    if anchored.endswith("/"):
        folder = anchored.rstrip("/")
        parts = path.split("/")[:-1]
        return path.startswith(folder + "/") or ("/" not in folder and folder in parts)
    if "/" not in pattern:
        return any(fnmatch.fnmatchcase(part, pattern) for part in path.split("/"))
    flat = anchored.replace("/**/", "/*").replace("**", "*")
    return fnmatch.fnmatchcase(path, flat) or path.startswith(anchored + "/")


def large_file_rules(attributes: str) -> PathRules:
    """Return which paths `.gitattributes` hands to Git LFS."""
    lines = []
    for line in attributes.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        filters = [w for w in words[1:] if w.startswith("filter=") or w in {"-filter", "!filter"}]
        lines += [(words[0], word == "filter=lfs") for word in filters]
    return PathRules(lines)


def ignore_rules(text: str) -> PathRules:
    """Return which paths a `.gitignore` leaves out."""
    lines = []
    for raw in text.splitlines():
        line = raw.strip()
        if line and not line.startswith("#"):
            lines.append((line.removeprefix("!"), not line.startswith("!")))
    return PathRules(lines)
