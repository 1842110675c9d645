"""Opening the data of a plan: the samples of each split, with the files they lie in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from worker.contract.failures import FailureCode, RunError
from worker.contract.inventory import DataInventory, FileFact, take_inventory
from worker.contract.plan import PinnedData, Plan
from worker.contract.sources import FileSource, FolderSource, unpacked
from worker.contract.splits import Splits, assign_splits


@dataclass(frozen=True)
class Samples:
    """The samples of one split: facts in a fixed order, and the source that reads their files."""

    facts: Sequence[FileFact]
    source: FileSource

    def __len__(self) -> int:
        return len(self.facts)


def open_samples(plan: Plan, data: Path, test_data: Path | None) -> dict[str, Samples]:
    """Return the samples of every split of a plan.

    Args:
        plan: the plan.
        data: the folder of its training data set.
        test_data: the folder of the test data set, where that is another one.

    Raises:
        RunError: a folder is missing, or holds other samples than the plan was made for.
    """
    source, inventory = _open(data, plan, plan.data)
    other: tuple[FileSource, DataInventory] | None = None
    if plan.test_data is not None and test_data is not None:
        other = _open(test_data, plan, plan.test_data)
    seed = plan.recipe.reproducibility.seed
    splits: Splits = assign_splits(inventory, other[1] if other else None, plan.recipe.data, seed)
    return {
        name: Samples(facts, other[0] if other and name == "test" else source)
        for name, facts in splits.named().items()
    }


def _open(folder: Path, plan: Plan, pin: PinnedData) -> tuple[FileSource, DataInventory]:
    if not folder.is_dir():
        raise RunError(FailureCode.DATA_NOT_FOUND, f"{pin.repo} is not here.")
    source = FolderSource(folder)
    inventory = take_inventory(source, plan.recipe.data.columns, probe=False)
    if inventory.tree_sha256 != pin.tree_sha256:
        raise RunError(
            FailureCode.DATA_INVALID, f"The files of {pin.repo} are not those of the plan."
        )
    return unpacked(source), inventory
