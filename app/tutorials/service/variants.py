"""From jobs that began from one another to a tree of recipes: the same recipe stands once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from app.jobs.service.genealogy import Descendant
from app.tutorials.schemas import Change, Family, RecipeBlock, Variant
from worker.contract.tasks import MEASURES, TASKS, Measure, measure_of

# What makes no difference to what is measured.
_IGNORED = ("name", "recipe", "resources")
_MOST_CHANGES, _MOST_LETTERS = 30, 120
_SHORTEST, _LONGEST = 8, 100


@dataclass(frozen=True)
class Member:
    """A run that may be shown: the nearest one above it, and what it says, place by place."""

    job: Descendant
    parent: int | None
    recipe: Mapping[str, str]
    is_own: bool = False
    model: str = ""
    version: int = 0


@dataclass
class _Node:
    number: int
    parent: "_Node | None"
    recipe: Mapping[str, str]
    members: list[Member] = field(default_factory=list)
    children: list["_Node"] = field(default_factory=list)


def metric_of(block: RecipeBlock) -> str:
    """Return the measure that a recipe's task is judged by."""
    return next(spec.metric for name, spec in TASKS.items() if name == block.task)


def told(recipe: Mapping[str, str]) -> dict[str, str]:
    """Return of a recipe's places those that can make a difference."""
    return {path: value for path, value in recipe.items() if path.split(".")[0] not in _IGNORED}


def changes_between(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """Return where two recipes differ, at most so many places, long values cut."""
    paths = [path for path in sorted({*before, *after}) if before.get(path) != after.get(path)]
    return [
        Change(path, before.get(path, "")[:_MOST_LETTERS], after.get(path, "")[:_MOST_LETTERS])
        for path in paths[:_MOST_CHANGES]
    ]


def family_of(
    block: RecipeBlock, recipe: Mapping[str, str], members: Sequence[Member], left_out: int
) -> Family:
    """Return the tree of a recipe; `members` come parents first."""
    metric = metric_of(block)
    measure = measure_of(metric)
    root = _grown(told(recipe), members)
    nodes = list(_walk(root))
    values = [value for node in nodes if (value := _best(node, metric, measure)[0]) is not None]
    top = (max if measure.higher_is_better else min)(values, default=None)
    best = next((node for node in nodes if _best(node, metric, measure)[0] == top), None)
    best = None if top is None else best
    drawn = _Drawing(metric, measure, values, best, _data_of(root.recipe))
    tree = drawn.variant(root)
    return Family(
        number=block.number,
        title=block.title,
        metric=metric,
        is_share=measure.is_share,
        root=tree,
        best=next((one for one in tree.all() if one.is_best), None),
        won=changes_between(root.recipe, best.recipe) if best else (),
        left_out=left_out,
    )


def _grown(recipe: Mapping[str, str], members: Iterable[Member]) -> _Node:
    numbers = count()
    root = _Node(next(numbers), None, recipe)
    node_of: dict[int, _Node] = {}
    for member in members:
        above = node_of.get(member.parent or 0, root)
        said = told(member.recipe)
        same = [node for node in (above, *above.children) if node.recipe == said]
        node = same[0] if same else _Node(next(numbers), above, said)
        if not same:
            above.children.append(node)
        node.members.append(member)
        node_of[member.job.job_id] = node
    return root


def _data_of(recipe: Mapping[str, str]) -> dict[str, str]:
    """Return what decides on which data a recipe is measured."""
    names = ("data.train.repo", "data.test.repo")
    return {path: recipe[path] for path in names if path in recipe}


def _walk(node: _Node) -> Iterable[_Node]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _best(node: _Node, metric: str, measure: Measure) -> tuple[float | None, Member | None]:
    """Return the best value of a node's runs in this measure, and the run."""
    found = [
        (one.job.value, one)
        for one in node.members
        if one.job.value is not None and one.job.metric == metric
    ]
    if not found:
        return None, None
    return (max if measure.higher_is_better else min)(found, key=lambda pair: pair[0])


@dataclass(frozen=True)
class _Drawing:
    metric: str
    measure: Measure
    values: Sequence[float]
    best: _Node | None
    data: Mapping[str, str]

    def variant(self, node: _Node) -> Variant:
        value, run = _best(node, self.metric, self.measure)
        metric = self.metric
        if run is None and (others := [one for one in node.members if one.job.metric in MEASURES]):
            run = others[0]
            value, metric = run.job.value, run.job.metric
        parent = node.parent
        children = sorted(node.children, key=self._order)
        return Variant(
            number=node.number,
            parent=parent.number if parent else None,
            changes=changes_between(parent.recipe, node.recipe) if parent else (),
            num_runs=len(node.members),
            num_failed=sum(one.job.value is None for one in node.members),
            metric=metric if value is not None else "",
            value=value,
            is_best=node is self.best,
            job_id=run.job.job_id if run and run.is_own else 0,
            model=next((one.model for one in node.members if one.model), ""),
            version=min((one.version for one in node.members), default=0),
            bar=self._bar(value) if metric == self.metric else 0,
            has_other_data=_data_of(node.recipe) != self.data,
            children=[self.variant(child) for child in children],
        )

    def _order(self, node: _Node) -> tuple[bool, float, int]:
        value, _run = _best(node, self.metric, self.measure)
        if value is None:
            return True, 0.0, node.number
        return False, -value if self.measure.higher_is_better else value, node.number

    def _bar(self, value: float | None) -> int:
        if value is None:
            return 0
        low, high = min(self.values), max(self.values)
        if high == low:
            return _LONGEST
        share = (value - low) / (high - low)
        share = share if self.measure.higher_is_better else 1 - share
        return round(_SHORTEST + share * (_LONGEST - _SHORTEST))


def pruned(root: Variant, most: int) -> Variant:
    """Return a tree of at most so many recipes: the best of them, and those they came from."""
    every = {one.number: one for one in root.all()}
    ranked = sorted(every.values(), key=lambda one: (not one.is_best, -one.bar, one.number))
    kept = {root.number}
    for one in ranked:
        path, at = set(), one
        while at.number not in kept:
            path.add(at.number)
            at = every[at.parent or 0]
        if len(kept) + len(path) <= most:
            kept |= path
    return _only(root, kept)


def _only(variant: Variant, kept: set[int]) -> Variant:
    children = [_only(child, kept) for child in variant.children if child.number in kept]
    return Variant(**{**vars(variant), "children": children})
