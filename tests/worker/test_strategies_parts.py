"""Ways of training, each by hand-made numbers."""

import math

import pytest
import torch
from torch import nn

from tests.worker.builders import recipe_values, stage
from worker.contract.recipe_text import RecipeError, recipe_from_values
from worker.contract.training import Train
from worker.data.batches import Batch
from worker.training.averaging import WeightAverage
from worker.training.losses import ClassLoss
from worker.training.mixing import mixed, pasted
from worker.training.rate_finder import try_rates, valley
from worker.training.resizing import side_at
from worker.training.sampling import evened_order
from worker.training.synthesis import synthesize

SCORES = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
TARGETS = torch.tensor([0, 0])


@pytest.mark.parametrize(("kind", "count"), [("oversample", 180), ("undersample", 20)])
def test_a_sampler_evens_nine_to_one_out(kind: str, count: int) -> None:
    labels = torch.tensor([0] * 90 + [1] * 10)
    drawn = evened_order(labels, kind, seed=1, epoch=1)
    counts = torch.bincount(labels[drawn])
    assert len(drawn) == count
    assert counts.max() / counts.min() <= 1.2
    assert not torch.equal(drawn, evened_order(labels, kind, seed=1, epoch=2))


def test_new_rows_lie_between_neighbours_of_their_class() -> None:
    torch.manual_seed(0)
    rows = torch.cat([torch.randn(40, 3), torch.randn(6, 3) + 20])
    labels = torch.tensor([0] * 40 + [1] * 6)
    made = synthesize(rows, labels, seed=5)
    assert torch.bincount(torch.cat([labels, made.labels_M])).tolist() == [40, 40]
    one, other = rows[made.one_M], rows[made.other_M]
    assert torch.equal(labels[made.one_M], labels[made.other_M])
    assert torch.equal(labels[made.one_M], made.labels_M)
    around = (made.features_MD - one).norm(dim=1) + (made.features_MD - other).norm(dim=1)
    assert torch.allclose(around, (one - other).norm(dim=1), atol=1e-4)
    assert torch.equal(made.features_MD, synthesize(rows, labels, seed=5).features_MD)


def test_the_focal_loss_is_its_formula() -> None:
    chances = SCORES.softmax(1)[:, 0]
    by_hand = float((-((1 - chances) ** 2) * chances.log()).mean())
    found = ClassLoss(kind="focal")(SCORES, TARGETS)
    assert float(found) == pytest.approx(by_hand)


def test_weights_of_samples_and_classes_make_a_weighted_mean() -> None:
    plain = nn.functional.cross_entropy(SCORES, TARGETS, reduction="none")
    weights = torch.tensor([3.0, 1.0])
    found = ClassLoss()(SCORES, TARGETS, weights)
    assert float(found) == pytest.approx(float((plain * weights).sum() / 4))
    classes = torch.tensor([0.5, 2.0])
    ours = ClassLoss(classes, 0.1)(SCORES, torch.tensor([0, 1]), torch.ones(2))
    theirs = nn.CrossEntropyLoss(classes, label_smoothing=0.1)(SCORES, torch.tensor([0, 1]))
    assert float(ours) == pytest.approx(float(theirs))


def test_the_mean_of_weights_rises_to_its_decay() -> None:
    module = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(module.weight)
    average = WeightAverage(module, 0.9)
    mean = 0.0
    for number in range(60):
        nn.init.constant_(module.weight, float(number))
        average.update()
        decay = min(0.9, 1 - (1 + number) ** (-2 / 3))
        mean = decay * mean + (1 - decay) * number
    with average.in_place():
        assert module.weight.item() == pytest.approx(mean, rel=1e-5)
        assert float(average.trained(module.state_dict())["weight"]) == 59
    assert module.weight.item() == 59


def test_blended_pictures_have_targets_of_the_same_shares() -> None:
    torch.manual_seed(0)
    pictures = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 8, 8).contiguous()
    batch = Batch(pictures, torch.arange(4), 4)
    recipe = recipe_from_values(recipe_values(augment={"mixup_alpha": 0.4}))
    blended = mixed(batch, recipe.augment, 4)
    means = blended.inputs.mean(dim=(1, 2, 3))
    assert torch.allclose(means, blended.targets @ torch.arange(4.0), atol=1e-5)
    assert torch.allclose(blended.targets.sum(1), torch.ones(4))


def test_a_pasted_rectangle_is_counted_by_its_pixels() -> None:
    torch.manual_seed(3)
    pictures = torch.stack([torch.zeros(3, 10, 10), torch.ones(3, 10, 10)])
    result, share = pasted(pictures, torch.tensor([1, 0]), 0.6)
    assert float(result[0].mean()) == pytest.approx(1 - share, abs=1e-6)
    assert float(result[1].mean()) == pytest.approx(share, abs=1e-6)


def test_the_valley_is_the_middle_of_the_longest_fall() -> None:
    curve = [9.0] * 10 + [9.0 - number for number in range(8)] + [5.0, 9.0, 20.0]
    assert 10 <= valley(curve) <= 15
    trial = try_rates(1, lambda _, rate: (math.log10(rate) + 2) ** 2 + (rate > 1) * 1e6)
    assert 1e-6 < trial.rate < 1e-1


def test_sizes_take_equal_parts_of_a_stage() -> None:
    sides = [side_at([8, 16], 32, part) for part in (0, 0.3, 0.34, 0.66, 0.67, 1)]
    assert sides == [8, 8, 16, 16, 32, 32]


def test_an_automatic_batch_fits_the_data() -> None:
    train = Train.model_validate({"batch_size": "auto", "stages": [stage()]})
    assert [train.batch_for(count) for count in (10, 400, 3000, 10**6)] == [8, 16, 128, 128]


REFUSED = [
    ({"train": {"l2_sp": 0.1}}, "the base is random"),
    ({"train": {"loss": "focal", "label_smoothing": 0.1}}, "label_smoothing has no effect"),
    ({"data": {"imbalance": {"synthesize": "smote"}}}, "a mean of two pictures"),
    ({"semi_supervised": {}}, "belong together"),
    ({"task": "text-generation", "train": {"loss": "focal"}}, "train.loss needs"),
    ({"augment": {"progressive_resizing": [16, 12]}}, "must rise"),
    ({"augment": {"progressive_resizing": [24]}}, "ends with data.image_size"),
]


@pytest.mark.parametrize(("values", "reason"), REFUSED)
def test_ways_that_cannot_work_are_refused_with_the_reason(
    values: dict[str, object], reason: str
) -> None:
    written = recipe_values(**values)
    if "task" in values:
        written["data"].pop("image_size")
    with pytest.raises(RecipeError) as caught:
        recipe_from_values(written)
    assert reason in str(caught.value) or any(reason in p.message for p in caught.value.problems)
