"""Opening the data of a plan: the samples of each split, with the files they lie in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from worker.contract.failures import FailureCode, RunError
from worker.contract.inventory import (
    DataInventory,
    FileFact,
    OpenData,
    inventory_of,
    open_data,
)
from worker.contract.items import Item
from worker.contract.plan import PinnedData, Plan
from worker.contract.sources import ArchiveError, FileSource, FolderSource
from worker.contract.splits import assign_splits


@dataclass(frozen=True)
class Samples:
    """The samples of one split in a fixed order, and the source that reads their files.

    `facts` say what each is; `rows` hold what it says: label, text, tags, boxes and the like.
    `notes` are what was found about the whole data set, such as what the numbers of masks mean.
    """

    facts: Sequence[FileFact]
    rows: Sequence[Item]
    source: FileSource
    notes: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.facts)

    @property
    def names(self) -> list[str]:
        """What each sample is called in errors and tables."""
        return [fact.key for fact in self.facts]


@dataclass(frozen=True)
class _Opened:
    data: OpenData
    inventory: DataInventory


def open_samples(plan: Plan, data: Path, test_data: Path | None) -> dict[str, Samples]:
    """Return the samples of every split of a plan.

    Args:
        plan: the plan.
        data: the folder of its training data set.
        test_data: the folder of the test data set, where that is another one.

    Raises:
        RunError: a folder is missing, or holds other samples than the plan was made for.
    """
    own = _open(data, plan, plan.data)
    other: _Opened | None = None
    if plan.test_data is not None and test_data is not None:
        other = _open(test_data, plan, plan.test_data)
    seed = plan.recipe.reproducibility.seed
    splits = assign_splits(
        own.inventory, other.inventory if other else None, plan.recipe.data, seed
    )
    return {
        name: _samples(other if other and name == "test" else own, facts)
        for name, facts in splits.everything().items()
    }


def _samples(opened: _Opened, facts: Sequence[FileFact]) -> Samples:
    data = opened.data
    return Samples(facts, data.rows(facts), data.files, data.layout.notes)


def _open(folder: Path, plan: Plan, pin: PinnedData) -> _Opened:
    if not folder.is_dir():
        raise RunError(FailureCode.DATA_NOT_FOUND, f"{pin.repo} is not here.")
    try:
        data = open_data(FolderSource(folder), plan.recipe.read_columns)
        inventory = inventory_of(data, probe=False)
    except ArchiveError as error:
        raise RunError(FailureCode.DATA_INVALID, str(error)) from error
    if inventory.tree_sha256 != pin.tree_sha256:
        raise RunError(
            FailureCode.DATA_INVALID, f"The files of {pin.repo} are not those of the plan."
        )
    return _Opened(data, inventory)
