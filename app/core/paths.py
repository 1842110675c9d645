"""Addresses with slashes inside: `refs%2Fpr%2F1` is one part of a path, not three.

The middleware unquotes each segment of the raw path by itself and writes `SLASH` for a slash that
was encoded; routes then match segment by segment, and these functions turn it back.
"""

from urllib.parse import unquote

# A private-use character: no repository path or revision may contain it.
SLASH = "\ue000"


def decode_raw_path(raw_path: bytes) -> str:
    """Return the path a router may match: unquoted, with encoded slashes marked."""
    segments = raw_path.split(b"?", 1)[0].decode("latin-1").split("/")
    return "/".join(unquote(segment).replace("/", SLASH) for segment in segments)


def plain(value: str) -> str:
    """Return `value` with the marked slashes as slashes again."""
    return value.replace(SLASH, "/")


# The two readings name what a route parameter is; both are the same conversion.
rev = plain
repo_path = plain
