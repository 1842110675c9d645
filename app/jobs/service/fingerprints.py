"""One word for one kind of failure, so that the second person meets the first one's answer.

What differs from run to run (numbers, names in quotes, paths, ids) is left out; what is left of the
reason, and of the functions an error of the engine came through, is hashed.
"""

import hashlib
import re

from pydantic import JsonValue

LENGTH = 16
_FRAME = re.compile(r'^\s*File "(?P<path>[^"]+)", line \d+, in (?P<name>.+)$')
_RAISED = re.compile(
    r"^(?P<kind>[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Warning|Exit))\b:?(?P<said>.*)$"
)
_VARIABLE = (
    (re.compile(r"https?://\S+"), "URL"),
    (re.compile(r"(?:[A-Za-z]:)?(?:[/\\][\w.@+-]+)+[/\\]?"), "PATH"),
    (re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|“[^”]*”"), "NAME"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b|\b[0-9a-f]{12,}\b"), "ID"),
    (re.compile(r"[-+]?\d+(?:[.,]\d+)*(?:e[-+]?\d+)?"), "N"),
)
# An error of the engine is told apart by where it was raised, not by who called.
_FRAMES = 3


def fingerprint_of(failure: dict[str, JsonValue]) -> str:
    """Return the fingerprint of a failure as a worker reported it: 16 hexadecimal digits."""
    lines = failure.get("log_tail")
    parts = [str(failure.get("code", "")), _general(str(failure.get("detail") or ""))]
    if parts[0] == "INTERNAL" and isinstance(lines, list):
        parts += _raised([str(line) for line in lines])
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:LENGTH]


def _general(text: str) -> str:
    for pattern, word in _VARIABLE:
        text = pattern.sub(word, text)
    return " ".join(text.split())


def _raised(lines: list[str]) -> list[str]:
    frames = [found["name"] for line in lines if (found := _FRAME.match(line))]
    errors = [found for line in lines if (found := _RAISED.match(line))]
    said = [f"{errors[-1]['kind']}: {_general(errors[-1]['said'])}"] if errors else []
    return frames[-_FRAMES:] + said
