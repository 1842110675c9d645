"""Dividing examples into parts (folds) that each validate once.

Every example is in exactly one part. Copies of one content and examples of one group stay
together. The division depends on contents and seed alone, never on names or order.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from worker.contract.inventory import FileFact


def divide_into_folds(
    facts: Sequence[FileFact], folds: int, seed: int, *, stratify: bool
) -> list[list[FileFact]]:
    """Return the examples of each part, in their own order; later parts are never larger by much.

    Args:
        facts: what is divided.
        folds: the number of parts.
        seed: another one divides differently.
        stratify: give each part its share of every class, as far as groups allow.
    """
    units: dict[str, list[FileFact]] = defaultdict(list)
    for fact in facts:
        units[unit_of(fact)].append(fact)
    classes = {name: _classes(members, stratify=stratify) for name, members in units.items()}
    place = _place(classes, folds, seed)
    parts: list[list[FileFact]] = [[] for _part in range(folds)]
    for fact in facts:
        parts[place[unit_of(fact)]].append(fact)
    return parts


def unit_of(fact: FileFact) -> str:
    """Return what must not be parted: its group, else the copies of its content."""
    return f"group {fact.group}" if fact.group is not None else fact.content


def _classes(members: Sequence[FileFact], *, stratify: bool) -> Counter[str]:
    if not stratify:
        return Counter({"": len(members)})
    return Counter(name for fact in members for name in (fact.classes or ("",)))


def _place(units: Mapping[str, Counter[str]], folds: int, seed: int) -> dict[str, int]:
    """Give each unit, the largest first, to the part that has least of what it holds."""
    totals: Counter[str] = Counter()
    for counts in units.values():
        totals.update(counts)
    held = [Counter[str]() for _part in range(folds)]
    sizes = [0] * folds
    place: dict[str, int] = {}
    for name in sorted(units, key=lambda unit: (-units[unit].total(), _rank(seed, unit))):
        counts = units[name]
        part = min(range(folds), key=lambda p: (_load(held[p], counts, totals), sizes[p], p))
        held[part].update(counts)
        sizes[part] += counts.total()
        place[name] = part
    return place


def _load(held: Counter[str], counts: Counter[str], totals: Counter[str]) -> float:
    if len(counts) == 1:
        return held[next(iter(counts))]
    return sum(held[name] * count / totals[name] for name, count in counts.items())


def _rank(seed: int, unit: str) -> str:
    return hashlib.sha256(f"fold {seed}:{unit}".encode()).hexdigest()
