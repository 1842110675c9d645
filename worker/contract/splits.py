"""Deciding which image trains, which validates and which tests: the same everywhere, by content."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from worker.contract.findings import Finding, found
from worker.contract.inventory import DataInventory, FileFact
from worker.contract.recipe import Data, DataSource


@dataclass
class Splits:
    """The images of each split, in a fixed order. `test` may be empty."""

    train: list[FileFact] = field(default_factory=list)
    validation: list[FileFact] = field(default_factory=list)
    test: list[FileFact] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def named(self) -> dict[str, list[FileFact]]:
        """Return the splits that hold images, by name."""
        everything = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: facts for name, facts in everything.items() if facts}

    @property
    def classes(self) -> list[str]:
        """The classes, sorted; their position is their number in the network."""
        return sorted({fact.label for fact in self.train} | {f.label for f in self.validation})

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of images of each class in each split."""
        return {
            name: dict(sorted(Counter(fact.label for fact in facts).items()))
            for name, facts in self.named().items()
        }


def assign_splits(
    inventory: DataInventory, test_inventory: DataInventory | None, data: Data, seed: int
) -> Splits:
    """Return the splits that a recipe asks for.

    Args:
        inventory: the training data set.
        test_inventory: the data set under `data.test` when it is another repository, else None.
        data: the data block of the recipe.
        seed: chooses the validation images when a part of training is taken.
    """
    splits = Splits()
    train_name = data.train.split or ("train" if "train" in inventory.splits else None)
    pool = list(inventory.of_split(train_name))
    if train_name is not None and not pool:
        splits.findings.append(_missing(train_name, inventory))
    splits.test, test_name = _test(splits, inventory, test_inventory, data.test)
    own = data.validation.split
    if own is None and "validation" in inventory.splits and train_name is not None:
        own = None if test_name == "validation" else "validation"
    if own is not None:
        splits.validation = list(inventory.of_split(own))
        if not splits.validation:
            splits.findings.append(_missing(own, inventory))
        elif test_name is not None and set(splits.validation) & set(splits.test):
            splits.findings.append(found("TEST_USED_TWICE", split=own))
        splits.train = pool
    else:
        part = data.validation.fraction
        splits.train, splits.validation = _divide(pool, part, seed, data.validation.stratify)
        if pool and not splits.validation:
            splits.findings.append(found("NO_VALIDATION"))
    if not splits.test:
        splits.findings.append(found("NO_TEST_SPLIT"))
    return splits


def _test(
    splits: Splits,
    inventory: DataInventory,
    other: DataInventory | None,
    source: DataSource | None,
) -> tuple[list[FileFact], str | None]:
    """Return the test images, and the split's name where it is in the training data set."""
    if source is None:
        return list(inventory.of_split("test")), None
    where = other or inventory
    name = source.split
    if name is None and "test" in where.splits:
        name = "test"
    facts = list(where.of_split(name))
    if not facts:
        splits.findings.append(_missing(name or "test", where))
    return facts, (None if other is not None else name and _canonical(facts))


def _canonical(facts: Sequence[FileFact]) -> str | None:
    return facts[0].split if facts else None


def _missing(name: str, inventory: DataInventory) -> Finding:
    return found("SPLIT_MISSING", split=name, splits=", ".join(inventory.splits) or "none")


def _divide(
    pool: Sequence[FileFact],
    part: float,
    seed: int,
    stratify: bool,  # noqa: FBT001 - a recipe field passed on
) -> tuple[list[FileFact], list[FileFact]]:
    groups: dict[str, list[FileFact]] = defaultdict(list)
    for fact in pool:
        groups[fact.label if stratify else ""].append(fact)
    chosen: set[str] = set()
    for facts in groups.values():
        chosen |= _chosen(facts, part, seed)
    kept = [fact for fact in pool if fact.sha256 not in chosen]
    return kept, [fact for fact in pool if fact.sha256 in chosen]


def _chosen(facts: Sequence[FileFact], part: float, seed: int) -> set[str]:
    """Return the contents that validate. Copies of one image always go the same way."""
    copies = Counter(fact.sha256 for fact in facts)
    wanted = max(1, round(len(facts) * part))
    chosen: set[str] = set()
    count = 0
    for sha in sorted(copies, key=lambda sha: _rank(seed, sha)):
        if count >= wanted or len(chosen) == len(copies) - 1:
            break
        chosen.add(sha)
        count += copies[sha]
    return chosen


def _rank(seed: int, sha: str) -> str:
    return hashlib.sha256(f"{seed}:{sha}".encode()).hexdigest()


def imbalance_ratio(facts: Iterable[FileFact]) -> float:
    """Return how many times larger the largest class is than the smallest; 1 for no images."""
    counts = Counter(fact.label for fact in facts)
    return max(counts.values()) / min(counts.values()) if counts else 1.0
