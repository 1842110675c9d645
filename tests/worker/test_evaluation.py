import math

import numpy as np
import pytest
import torch

from worker.evaluation.baselines import bag_of_words, majority, probe
from worker.evaluation.bootstrap import Bootstrap
from worker.evaluation.calibration import calibrate, expected_error, fit_temperature, reliability
from worker.evaluation.slices import accuracy_slices, size_buckets


def test_a_bootstrap_interval_of_a_mean_agrees_with_the_normal_one() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, 400)
    found = Bootstrap(resamples=4000).of_mean("loss", values)
    half = 1.96 * values.std() / math.sqrt(400)
    assert found.value == pytest.approx(values.mean())
    assert (found.value - found.low, found.high - found.value) == pytest.approx((half, half), 0.08)


def test_scores_of_a_confusion_matrix_are_the_definitions_and_lie_in_their_intervals() -> None:
    accuracy, balanced, f1 = Bootstrap().of_confusion([[8, 2], [1, 9]])
    assert accuracy.value == pytest.approx(17 / 20)
    assert balanced.value == pytest.approx((0.8 + 0.9) / 2)
    assert f1.value == pytest.approx((16 / 19 + 18 / 21) / 2)
    for item in (accuracy, balanced, f1):
        assert 0 < item.low < item.value < item.high <= 1


def test_drawing_cells_is_the_same_as_drawing_samples() -> None:
    by_cells = Bootstrap(resamples=4000).of_confusion([[70, 30], [0, 0]])[0]
    by_samples = Bootstrap(resamples=4000).of_mean("accuracy", [1.0] * 70 + [0.0] * 30)
    assert by_cells.low == pytest.approx(by_samples.low, abs=0.02)
    assert by_cells.high == pytest.approx(by_samples.high, abs=0.02)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    confusion = [[30, 12], [7, 51]]
    first, again, other = (Bootstrap(seed=seed).of_confusion(confusion) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_the_calibration_error_of_a_hand_made_case_is_right() -> None:
    # Ten answers that are 80 % sure, of which six are right.
    scores = torch.log(torch.tensor([[0.8, 0.2]] * 10))
    labels = torch.tensor([0] * 6 + [1] * 4)
    (only,) = reliability(scores, labels, bins=10)
    assert (only.size, only.confidence, only.accuracy) == pytest.approx((10, 0.8, 0.6))
    assert expected_error([only]) == pytest.approx(0.2)


def test_a_temperature_finds_how_much_scores_were_overdone() -> None:
    torch.manual_seed(0)
    honest = torch.randn(4000, 3)
    labels = torch.distributions.Categorical(logits=honest).sample()
    assert fit_temperature(honest * 3, labels) == pytest.approx(3, rel=0.1)
    found = calibrate(honest[:2000] * 3, labels[:2000], (honest[2000:] * 3, labels[2000:]))
    assert found.ece > 0.1
    assert found.ece_scaled < 0.04


def test_slices_show_the_weakest_value_first_and_skip_groupings_of_one_value() -> None:
    right = [True, True, False, True, False, False]
    rows = accuracy_slices(right, {"camera": ["a", "a", "a", "b", "b", ""], "place": ["home"] * 6})
    assert [(row.by, row.value, row.size, row.metric) for row in rows] == [
        ("camera", "b", 2, 0.5),
        ("camera", "a", 3, pytest.approx(2 / 3)),
    ]


def test_buckets_of_sizes_hold_a_quarter_each_and_say_their_range() -> None:
    names = size_buckets([float(number) for number in range(1, 9)], "px")
    assert names == [
        "1 … < 3 px",
        "1 … < 3 px",
        "3 … < 5 px",
        "3 … < 5 px",
        "5 … < 7 px",
        "5 … < 7 px",
        "7 … ≤ 8 px",
        "7 … ≤ 8 px",
    ]
    assert set(size_buckets([224.0] * 5, "px")) == {"224 px"}


def test_guessing_the_largest_class_counts_training_not_test() -> None:
    found = majority(torch.tensor([0, 0, 1]), torch.tensor([1, 1, 1, 0]))
    assert (found.name, found.value) == ("majority", 0.25)


def test_a_linear_probe_separates_what_a_line_can_separate() -> None:
    torch.manual_seed(0)
    labels = torch.arange(200) % 4
    centres = torch.randn(4, 16) * 3
    features = centres[labels] + torch.randn(200, 16)
    good = probe("pretrained-features", features[:120], labels[:120], features[120:], labels[120:])
    noise = torch.randn(200, 16)
    bad = probe("random-features", noise[:120], labels[:120], noise[120:], labels[120:])
    assert good.value > 0.95
    assert bad.value < 0.5
    assert 0.9 < good.low < good.value == pytest.approx(good.high, abs=0.05)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (["great film", "a great story, loved it"], ["bad film", "a dull story, hated it"]),
        (["服务很好", "房间干净很满意"], ["服务很差", "房间太脏不满意"]),
    ],
)
def test_a_bag_of_words_learns_sentiment_in_both_languages(good: list[str], bad: list[str]) -> None:
    texts = [*good * 4, *bad * 4]
    labels = torch.tensor([1] * 8 + [0] * 8)
    found = bag_of_words(texts, labels, [*good, *bad, ""], torch.tensor([1, 1, 0, 0, 0]))
    assert found.value >= 0.8


def test_a_probe_comes_close_to_the_one_of_a_known_library() -> None:
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    digits = load_digits()
    pixels, classes = digits.data[:900] / 16, digits.target[:900]
    theirs = LogisticRegression(max_iter=400).fit(pixels[:600], classes[:600])
    tensors = torch.from_numpy(pixels).float(), torch.from_numpy(classes).long()
    ours = probe(
        "pretrained-features",
        tensors[0][:600],
        tensors[1][:600],
        tensors[0][600:],
        tensors[1][600:],
    )
    assert ours.value == pytest.approx(theirs.score(pixels[600:], classes[600:]), abs=0.02)
