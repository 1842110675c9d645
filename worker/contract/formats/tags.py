"""The schemes in which entities are tagged, and bringing them to one: BIO."""

import re
from collections.abc import Iterable, Sequence

_PREFIXED = re.compile(r"^([BIESMLU])[-_](.+)$")
_BEGINS = {"B", "S", "U"}
_SCHEMES = (
    ("IO", {"I"}),
    ("BIO", {"B", "I"}),
    ("BIOES", {"B", "I", "E", "S"}),
    ("BMES", {"B", "M", "E", "S"}),
    ("BILOU", {"B", "I", "L", "U"}),
)


def scheme_of(tags: Iterable[str]) -> str:
    """Return the scheme of tags: IO, BIO, BMES, BIOES, BILOU, or none for plain classes."""
    prefixes: set[str] = set()
    plain = 0
    for tag in set(tags) - {"O"}:
        match = _PREFIXED.match(tag)
        if match:
            prefixes.add(match[1])
        else:
            plain += 1
    if not prefixes or plain > len(prefixes):
        return "none"
    return next((name for name, known in _SCHEMES if prefixes <= known), "BIOES")


def as_bio(tags: Sequence[str], scheme: str) -> tuple[list[str], list[int], list[int]]:
    """Return (BIO tags, positions of inner tags without a beginning, of tags in no scheme)."""
    if scheme == "none":
        return list(tags), [], []
    plain: list[str] = []
    repaired, unknown = [], []
    before = ""
    for number, tag in enumerate(tags):
        match = _PREFIXED.match(tag)
        if match is None:
            if tag != "O":
                unknown.append(number)
            plain.append("O")
            before = ""
            continue
        prefix, kind = match.groups()
        goes_on = prefix not in _BEGINS and before == kind
        if not goes_on and prefix not in _BEGINS and scheme != "IO":
            repaired.append(number)
        plain.append(f"{'I' if goes_on else 'B'}-{kind}")
        before = "" if prefix in {"E", "S", "L", "U"} else kind
    return plain, repaired, unknown
