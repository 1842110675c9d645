"""The doctor's rules about data: pure functions from inventories and splits to findings."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

from worker.contract.findings import Finding, found
from worker.contract.inventory import DataInventory, FileFact
from worker.contract.splits import Splits

FEWEST_PER_CLASS = 2
FEWEST_CLASSES = 2


def check_inventory(inventory: DataInventory) -> list[Finding]:
    """Return what is wrong with a data set by itself, before a recipe divides it."""
    findings = list(inventory.findings)
    if inventory.empty_classes:
        findings.append(
            found(
                "CLASS_EMPTY", inventory.empty_classes, classes=", ".join(inventory.empty_classes)
            )
        )
    findings += _unreadable(inventory.facts)
    findings += _twins(inventory.facts)
    findings += _few_classes(inventory.facts)
    findings += _copies(inventory)
    animated = [fact.path for fact in inventory.facts if fact.frames > 1]
    if animated:
        findings.append(found("ANIMATED", animated))
    return findings


def check_splits(splits: Splits) -> list[Finding]:
    """Return what is wrong with the splits of a recipe: leakage, missing and tiny classes."""
    findings = list(splits.findings)
    named = splits.named()
    for (one, ours), (other, theirs) in combinations(named.items(), 2):
        findings += _leakage(one, ours, other, theirs)
    trained = {fact.label for fact in splits.train}
    for name, facts in named.items():
        if name != "train":
            findings += _class_sets(name, trained, {fact.label for fact in facts})
    findings += _small_classes(splits)
    return findings


def _unreadable(facts: Sequence[FileFact]) -> list[Finding]:
    bad = [fact for fact in facts if fact.error is not None]
    if not bad:
        return []
    first = bad[0]
    paths = [fact.path for fact in bad]
    return [found("IMAGE_UNREADABLE", paths, first=first.path, reason=first.error or "")]


def _twins(facts: Sequence[FileFact]) -> list[Finding]:
    spellings: dict[str, set[str]] = defaultdict(set)
    for fact in facts:
        spellings["".join(fact.label.casefold().split())].add(fact.label)
    twins = [sorted(names) for names in spellings.values() if len(names) > 1]
    if not twins:
        return []
    shown = "; ".join(" / ".join(repr(name) for name in names) for names in sorted(twins))
    labels = {name for names in twins for name in names}
    examples = {fact.label: fact.path for fact in reversed(facts) if fact.label in labels}
    return [found("CLASS_TWINS", sorted(examples.values()), classes=shown)]


def _few_classes(facts: Sequence[FileFact]) -> list[Finding]:
    labels = {fact.label for fact in facts}
    if not labels or len(labels) >= FEWEST_CLASSES:
        return []
    return [found("ONE_CLASS", [fact.path for fact in facts], classes=", ".join(labels))]


def _copies(inventory: DataInventory) -> list[Finding]:
    findings = []
    for split in inventory.splits or (None,):
        places: dict[str, list[FileFact]] = defaultdict(list)
        for fact in inventory.of_split(split):
            places[fact.sha256].append(fact)
        several = [facts for facts in places.values() if len(facts) > 1]
        copies = [fact.path for facts in several for fact in facts]
        conflicts = [
            f.path for facts in several if len({f.label for f in facts}) > 1 for f in facts
        ]
        if copies:
            findings.append(found("DUPLICATES", copies, split=split or "whole"))
        if conflicts:
            findings.append(found("LABELS_CONFLICT", conflicts))
    return findings


def _leakage(
    one: str, ours: Sequence[FileFact], other: str, theirs: Sequence[FileFact]
) -> list[Finding]:
    by_content: dict[str, str] = {fact.sha256: fact.path for fact in ours if fact.size}
    shared = [
        f"{by_content[fact.sha256]} = {fact.path}" for fact in theirs if fact.sha256 in by_content
    ]
    return [found("LEAKAGE", shared, one=one, other=other)] if shared else []


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
    return [found("CLASS_TOO_SMALL", small, classes=", ".join(small))] if small else []
