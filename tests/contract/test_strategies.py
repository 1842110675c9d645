"""The doctor about ways of training that spoil each other."""

import pytest

from tests.worker.builders import recipe_values, stage
from worker.contract.doctor_strategies import check_strategies
from worker.contract.inventory import FileFact
from worker.contract.recipe_text import recipe_from_values
from worker.contract.splits import Splits

SPLITS = Splits(
    train=[
        FileFact(path=f"{n}.png", label=str(n % 2), sha256=f"{n:064x}", size=1) for n in range(60)
    ]
)
CASES = [
    ({"augment": {"mixup_alpha": 0.2}}, ["head"], {"MIXED_HEAD_STAGE"}),
    ({"train": {"model_ema_decay": 0.999}}, "all", {"AVERAGE_TOO_SHORT"}),
    ({"train": {"model_ema_decay": 0.5}}, "all", set()),
    (
        {"train": {"gradient_accumulation_steps": 2}},
        "all",
        {"ACCUMULATION_WITH_BATCH_NORM"},
    ),
    ({"train": {"gradient_accumulation_steps": 5}}, ["head"], {"FEW_UPDATES"}),
    (
        {"data": {"imbalance": {"sampler": "oversample", "class_weight": "balanced"}}},
        "all",
        {"IMBALANCE_TWICE"},
    ),
]


@pytest.mark.parametrize(("over", "train", "codes"), CASES)
def test_the_doctor_sees_ways_that_spoil_each_other(
    over: dict[str, object], train: object, codes: set[str]
) -> None:
    recipe = recipe_from_values(recipe_values(stage(train), **over))
    assert {finding.code for finding in check_strategies(recipe, SPLITS)} == codes
