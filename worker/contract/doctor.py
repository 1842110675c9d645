"""The doctor's rules about data: pure functions from inventories and splits to findings."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

from worker.contract.findings import Finding, found
from worker.contract.inventory import DataInventory, FileFact
from worker.contract.sounds import MAX_SECONDS
from worker.contract.splits import RECOMMENDATION, Splits

FEWEST_PER_CLASS = 2
FEWEST_CLASSES = 2
# Up to this part of a split, repeated rows are a warning.
CHANCE = 0.02


def check_inventory(inventory: DataInventory) -> list[Finding]:
    """Return what is wrong with a data set by itself, before a recipe divides it."""
    findings = list(inventory.findings)
    if inventory.empty_classes:
        findings.append(
            found(
                "CLASS_EMPTY", inventory.empty_classes, classes=", ".join(inventory.empty_classes)
            )
        )
    findings += _unreadable(inventory)
    findings += _twins(inventory.facts)
    findings += _few_classes(inventory.facts)
    if inventory.kind != RECOMMENDATION:
        findings += _copies(inventory)
    findings += _sounds(inventory.facts)
    animated = [fact.path for fact in inventory.facts if fact.frames > 1]
    if animated:
        findings.append(found("ANIMATED", animated))
    return findings


def check_splits(splits: Splits) -> list[Finding]:
    """Return what is wrong with the splits of a recipe: leakage, missing and tiny classes."""
    findings = list(splits.findings)
    named = splits.named()
    if all(fact.order is None for fact in splits.train):
        for (one, ours), (other, theirs) in combinations(named.items(), 2):
            findings += _leakage(one, ours, other, theirs)
            findings += _parted_groups(one, ours, other, theirs)
    trained = _classes(splits.train)
    for name, facts in named.items():
        if name != "train":
            findings += _class_sets(name, trained, _classes(facts))
    findings += _small_classes(splits)
    return findings


def _classes(facts: Iterable[FileFact]) -> set[str]:
    return {name for fact in facts for name in fact.classes}


def _unreadable(inventory: DataInventory) -> list[Finding]:
    bad = [fact for fact in inventory.facts if fact.error is not None]
    if not bad:
        return []
    first = bad[0]
    paths = [fact.path for fact in bad]
    code = "SOUND_UNREADABLE" if inventory.media == "audio" else "IMAGE_UNREADABLE"
    return [found(code, paths, first=first.path, reason=first.error or "")]


def _sounds(facts: Sequence[FileFact]) -> list[Finding]:
    """Return advice on recordings: very long ones, and rates that differ."""
    findings = []
    heard = [fact for fact in facts if fact.seconds]
    long = [fact.path for fact in heard if fact.seconds > MAX_SECONDS]
    if long:
        findings.append(found("SOUND_LONG", long, seconds=MAX_SECONDS))
    rates = sorted({fact.mode for fact in heard})
    if len(rates) > 1:
        findings.append(found("RATES_DIFFER", [], rates=", ".join(rates)))
    return findings


def _twins(facts: Sequence[FileFact]) -> list[Finding]:
    spellings: dict[str, set[str]] = defaultdict(set)
    for name in _classes(facts):
        spellings["".join(name.casefold().split())].add(name)
    twins = [sorted(names) for names in spellings.values() if len(names) > 1]
    if not twins:
        return []
    shown = "; ".join(" / ".join(repr(name) for name in names) for names in sorted(twins))
    labels = {name for names in twins for name in names}
    examples = {
        name: fact.key for fact in reversed(facts) for name in fact.classes if name in labels
    }
    return [found("CLASS_TWINS", sorted(examples.values()), classes=shown)]


def _few_classes(facts: Sequence[FileFact]) -> list[Finding]:
    # A single kind of object, or of tag, can be found; a single class cannot be told from others.
    labels = {fact.label for fact in facts} - {""}
    if not labels or len(labels) >= FEWEST_CLASSES:
        return []
    return [found("ONE_CLASS", [fact.key for fact in facts], classes=", ".join(labels))]


def _copies(inventory: DataInventory) -> list[Finding]:
    findings = []
    for split in inventory.splits or (None,):
        places: dict[str, list[FileFact]] = defaultdict(list)
        for fact in inventory.of_split(split):
            places[fact.content].append(fact)
        several = [facts for facts in places.values() if len(facts) > 1]
        copies = [fact.key for facts in several for fact in facts]
        conflicts = [f.key for facts in several if len({f.label for f in facts}) > 1 for f in facts]
        if copies:
            findings.append(found("DUPLICATES", copies, split=split or "whole"))
        if conflicts:
            findings.append(found("LABELS_CONFLICT", conflicts))
    return findings


def _leakage(
    one: str, ours: Sequence[FileFact], other: str, theirs: Sequence[FileFact]
) -> list[Finding]:
    by_content: dict[str, str] = {fact.content: fact.key for fact in ours if fact.size}
    shared = [
        f"{by_content[fact.content]} = {fact.key}" for fact in theirs if fact.content in by_content
    ]
    if not shared:
        return []
    # Short texts repeat by chance; copied pictures and recordings never do.
    by_chance = theirs[0].row is not None and len(shared) <= CHANCE * len(theirs)
    return [found("LEAKAGE_SMALL" if by_chance else "LEAKAGE", shared, one=one, other=other)]


def _parted_groups(
    one: str, ours: Sequence[FileFact], other: str, theirs: Sequence[FileFact]
) -> list[Finding]:
    known = {fact.group for fact in ours if fact.group is not None}
    parted = sorted({fact.group for fact in theirs if fact.group in known and fact.group})
    return [found("GROUP_PARTED", parted, one=one, other=other)] if parted else []


def _class_sets(name: str, trained: set[str], seen: set[str]) -> list[Finding]:
    findings = []
    if seen - trained:
        classes = sorted(seen - trained)
        findings.append(found("CLASSES_DIFFER", classes, split=name, classes=", ".join(classes)))
    if trained - seen:
        classes = sorted(trained - seen)
        findings.append(
            found("CLASS_NOT_MEASURED", classes, split=name, classes=", ".join(classes))
        )
    return findings


def _small_classes(splits: Splits) -> list[Finding]:
    counts = splits.counts().get("train", {})
    small = [label for label, count in counts.items() if count < FEWEST_PER_CLASS]
    if not small:
        return []
    # One rare kind of object or tag spoils nothing but its own figure.
    several = any(fact.labels for fact in splits.train)
    code = "KIND_RARE" if several else "CLASS_TOO_SMALL"
    return [found(code, small, classes=", ".join(small))]
