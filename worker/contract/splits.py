"""Deciding which example trains, which validates, which tests: the same everywhere, by content."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from worker.contract.findings import Finding, found
from worker.contract.folds import divide_into_folds, unit_of
from worker.contract.inventory import DataInventory, FileFact
from worker.contract.items import UNLABELED, canonical_split, is_split
from worker.contract.recipe import Data, DataSource, Validation

# The format whose examples are what users did; they are parted by time.
RECOMMENDATION = "interactions"
FEWEST_INTERACTIONS = 3


@dataclass
class Splits:
    """The examples of each split, in a fixed order. `test` and `unlabeled` may be empty."""

    train: list[FileFact] = field(default_factory=list)
    validation: list[FileFact] = field(default_factory=list)
    test: list[FileFact] = field(default_factory=list)
    unlabeled: list[FileFact] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def named(self) -> dict[str, list[FileFact]]:
        """Return the splits that hold examples, by name."""
        everything = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: facts for name, facts in everything.items() if facts}

    def everything(self) -> dict[str, list[FileFact]]:
        """Return the named splits, and the examples whose classes are not used."""
        return self.named() | ({"unlabeled": self.unlabeled} if self.unlabeled else {})

    @property
    def classes(self) -> list[str]:
        """The classes, sorted; their position is their number in the network."""
        return sorted({name for fact in (*self.train, *self.validation) for name in fact.classes})

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of examples of each class in each split."""
        return {
            name: dict(sorted(Counter(c for fact in facts for c in fact.classes).items()))
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
        seed: chooses the validation examples when a part of training is taken.
    """
    if inventory.kind == RECOMMENDATION and not inventory.splits and test_inventory is None:
        return leave_last_out(inventory.facts)
    splits = Splits()
    train_name = data.train.split or ("train" if "train" in inventory.splits else None)
    pool = list(inventory.of_split(train_name))
    if train_name is not None and not pool:
        splits.findings.append(_missing(train_name, inventory))
    splits.test, test_name = _test(splits, inventory, test_inventory, data.test)
    own = data.validation.split
    if own is None and "validation" in inventory.splits and train_name is not None:
        own = None if test_name == "validation" else "validation"
    if data.validation.fold is None and own is not None:
        splits.validation = list(inventory.of_split(own))
        if not splits.validation:
            splits.findings.append(_missing(own, inventory))
        elif test_name is not None and _share(splits.validation, splits.test):
            splits.findings.append(found("TEST_USED_TWICE", split=own))
        splits.train = pool
    else:
        spare = list(inventory.of_split(own)) if own is not None else []
        splits.train, splits.validation = _part(pool, spare, data.validation, seed)
        if pool and not (splits.train and splits.validation):
            splits.findings.append(found("NO_VALIDATION"))
    if not splits.test:
        splits.findings.append(found("NO_TEST_SPLIT"))
    if data.unlabeled is not None:
        _take_unlabeled(splits, inventory, data.unlabeled)
    return splits


def _take_unlabeled(splits: Splits, inventory: DataInventory, source: DataSource) -> None:
    name = source.split or UNLABELED
    if source.split is not None and is_split(source.split):
        name = canonical_split(source.split)
    used = {fact.key for facts in splits.named().values() for fact in facts}
    splits.unlabeled = [fact for fact in inventory.of_split(name) if fact.key not in used]
    if not splits.unlabeled:
        names = ", ".join(inventory.splits) or "none"
        splits.findings.append(found("UNLABELED_MISSING", splits=names))


def _part(
    pool: Sequence[FileFact], spare: Sequence[FileFact], wanted: Validation, seed: int
) -> tuple[list[FileFact], list[FileFact]]:
    """Return what trains and what validates: one of several folds, or a fraction.

    With folds, what has been set aside for validation (`spare`) takes part too.
    """
    if wanted.folds is None or wanted.fold is None:
        return _divide(pool, wanted.fraction, seed, wanted.stratify)
    facts = [*pool, *spare]
    own_seed = seed if wanted.fold_seed is None else wanted.fold_seed
    parts = divide_into_folds(facts, wanted.folds, own_seed, stratify=wanted.stratify)
    chosen = parts[wanted.fold - 1]
    validating = {fact.key for fact in chosen}
    return [fact for fact in facts if fact.key not in validating], chosen


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


def _share(ours: Sequence[FileFact], theirs: Sequence[FileFact]) -> bool:
    return not {fact.key for fact in ours}.isdisjoint(fact.key for fact in theirs)


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
    strata: dict[str, list[FileFact]] = defaultdict(list)
    # A group spans classes, so groups are drawn from the whole.
    grouped = any(fact.group is not None for fact in pool)
    for fact in pool:
        strata[fact.label if stratify and not grouped else ""].append(fact)
    chosen: set[str] = set()
    for facts in strata.values():
        chosen |= _chosen(facts, part, seed)
    kept = [fact for fact in pool if unit_of(fact) not in chosen]
    return kept, [fact for fact in pool if unit_of(fact) in chosen]


def _chosen(facts: Sequence[FileFact], part: float, seed: int) -> set[str]:
    """Return the units that validate; copies and groups always go the same way."""
    copies = Counter(unit_of(fact) for fact in facts)
    wanted = max(1, round(len(facts) * part))
    chosen: set[str] = set()
    count = 0
    for unit in sorted(copies, key=lambda unit: _rank(seed, unit)):
        if count >= wanted or len(chosen) == len(copies) - 1:
            break
        chosen.add(unit)
        count += copies[unit]
    return chosen


def leave_last_out(facts: Sequence[FileFact]) -> Splits:
    """Return what each user did last as the test, the one before as validation, else training.

    Users with fewer than three interactions only train. Ties in time keep the data's order.
    """
    by_user: dict[str, list[FileFact]] = defaultdict(list)
    for fact in facts:
        by_user[fact.group or ""].append(fact)
    last: dict[str, str] = {}
    for history in by_user.values():
        if len(history) >= FEWEST_INTERACTIONS:
            ordered = sorted(history, key=lambda fact: fact.order or 0.0)
            last[ordered[-1].key] = "test"
            last[ordered[-2].key] = "validation"
    splits = Splits()
    places = {"test": splits.test, "validation": splits.validation}
    for fact in facts:
        places.get(last.get(fact.key, ""), splits.train).append(fact)
    if not splits.validation:
        splits.findings.append(found("NO_VALIDATION"))
    return splits


def _rank(seed: int, unit: str) -> str:
    return hashlib.sha256(f"{seed}:{unit}".encode()).hexdigest()


def imbalance_ratio(facts: Iterable[FileFact]) -> float:
    """Return how many times larger the largest class is than the smallest; 1 for none."""
    counts = Counter(name for fact in facts for name in fact.classes)
    return max(counts.values()) / min(counts.values()) if counts else 1.0
