"""Folds: disjoint, complete, of the right size, and no group is ever torn."""

import hashlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.contract.folds import divide_into_folds
from worker.contract.inventory import FileFact
from worker.contract.pruning import hyperband_rule, median_rule, signed_rank_p, wilcoxon_rule


def fact(number: int, label: str, group: str | None = None) -> FileFact:
    sha256 = hashlib.sha256(f"{number}".encode()).hexdigest()
    path = f"train/{label}/{number}.png"
    return FileFact(path=path, size=1, sha256=sha256, label=label, split="train", group=group)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("uvwxyz")), min_size=1, max_size=60),
    st.integers(2, 6),
    st.integers(0, 3),
    st.booleans(),
)
def test_folds_are_disjoint_cover_everything_and_tear_no_group(
    rows: list[tuple[str, str]],
    folds: int,
    seed: int,
    stratify: bool,
) -> None:
    facts = [fact(number, label, group) for number, (label, group) in enumerate(rows)]
    parts = divide_into_folds(facts, folds, seed, stratify=stratify)
    assert sorted(f.path for part in parts for f in part) == sorted(f.path for f in facts)
    homes = Counter(group for part in parts for group in {f.group for f in part})
    assert set(homes.values()) == {1}


def test_each_fold_has_its_share_of_every_class() -> None:
    facts = [fact(number, "rare" if number % 10 == 0 else "common") for number in range(100)]
    parts = divide_into_folds(facts, 5, 1, stratify=True)
    assert [Counter(f.label for f in part) for part in parts] == [
        Counter({"common": 18, "rare": 2})
    ] * 5


def test_copies_of_one_picture_are_in_one_fold() -> None:
    facts = [fact(number % 6, f"{number}") for number in range(24)]
    parts = divide_into_folds(facts, 3, 1, stratify=False)
    homes = Counter(sha for part in parts for sha in {f.sha256 for f in part})
    assert set(homes.values()) == {1}
    assert [len(part) for part in parts] == [8, 8, 8]


def test_the_division_depends_on_contents_and_seed_alone() -> None:
    facts = [fact(number, "a") for number in range(40)]
    one = divide_into_folds(facts, 4, 1, stratify=True)
    turned = divide_into_folds(facts[::-1], 4, 1, stratify=True)
    other = divide_into_folds(facts, 4, 2, stratify=True)
    assert [{f.path for f in part} for part in one] == [{f.path for f in part} for part in turned]
    assert [{f.path for f in part} for part in one] != [{f.path for f in part} for part in other]


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([-1.0, -2.0, -3.0, -4.0, -5.0], 1 / 32),
        ([1.0, -2.0, 3.0], 6 / 8),
        ([2.0, 1.0], 1.0),
        ([], 1.0),
        ([-0.5, -0.5, 0.5, -0.5], 5 / 16),
    ],
)
def test_signed_ranks_count_every_way_to_give_signs(differences: list[float], p: float) -> None:
    assert signed_rank_p(differences) == pytest.approx(p)


def test_nobody_is_given_up_too_early() -> None:
    good = [{1: 0.9, 2: 0.95}] * 4
    assert median_rule({1: 0.1}, good) is None
    assert median_rule({1: 0.1, 2: 0.2}, good[:3]) is None
    found = median_rule({1: 0.1, 2: 0.2}, good)
    assert found is not None
    assert (found.at, found.bar) == (2, 0.95)
    assert wilcoxon_rule([0.1, 0.1, 0.1, None], [0.9, 0.9, 0.9, 0.9]) is None


def test_hyperband_compares_only_within_a_bracket() -> None:
    rivals = {number: {1: 0.9, 2: 0.9, 3: 0.9} for number in range(2, 30)}
    judged = {
        number: hyperband_rule(number, {1: 0.1}, rivals, 9) is not None for number in range(30, 60)
    }
    assert any(judged.values())
    assert not all(judged.values())
