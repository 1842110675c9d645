from pathlib import Path

import pytest

from tests.worker.builders import Run, Values, stage
from tests.worker.language import (
    BAD,
    GOOD,
    log_lines,
    run_text,
    text_recipe,
    write_encoder,
    write_reviews,
)
from worker.contract.bases import PinnedBase
from worker.contract.recipe_text import RecipeError, recipe_from_values
from worker.contract.run_events import StageStarted

FAST: Values = {"name": "adam", "lr": 0.01}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a tiny BERT and a few reviews."""
    folder = tmp_path_factory.mktemp("texts")
    write_encoder(folder / "base", [*GOOD, *BAD])
    write_reviews(folder / "data")
    return folder


@pytest.fixture(scope="module")
def done(place: Path) -> Run:
    """Return a run in which everything was trained."""
    return run_text(place, text_recipe("text-classification", stage(epochs=8, optimizer=FAST)))


def test_a_network_learns_to_tell_texts_apart(done: Run) -> None:
    assert done.losses()[-1] < done.losses()[0] / 2
    assert done.result.classes == ("bad", "good")


def test_plain_transformers_gives_the_measured_accuracy(done: Run, place: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = done.out / "out/result"
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = (place / "data/test.csv").read_text(encoding="utf-8").splitlines()[1:]
    hits = 0
    for row in rows:
        text, label = row.split(",")
        with torch.inference_mode():
            best = int(model(**tokenizer(text, return_tensors="pt")).logits.argmax())
        hits += model.config.id2label[best] == label
    assert hits / len(rows) == pytest.approx(done.result.headline.value)


def test_groups_hold_every_parameter_once(place: Path) -> None:
    from worker.modeling.language import build_language

    config: Values = {
        "model_type": "bert",
        "vocab_size": 30,
        "hidden_size": 8,
        "num_hidden_layers": 12,
    }
    config |= {"num_attention_heads": 2, "intermediate_size": 8}
    base = PinnedBase.from_config("a/b", None, config).model_copy(update={"weights": "random"})
    network = build_language(
        base, "AutoModelForSequenceClassification", None, 0, keeps_head=False, config={}
    )
    names = [name for group in network.groups for name in group.names]
    assert sorted(names) == sorted(name for name, _ in network.module.named_parameters())
    assert [group.name for group in network.groups] == [
        "embeddings",
        *(f"layer.{number}" for number in range(12)),
        "pooler",
        "head",
    ]


@pytest.mark.parametrize(
    ("selectors", "trained"),
    [
        (["layer.1", "head"], ("bert.encoder.layer.1.", "classifier.")),
        (["last:2", "head"], ("bert.encoder.layer.1.", "bert.pooler.", "classifier.")),
        (["pooler", "head"], ("bert.pooler.", "classifier.")),
    ],
)
def test_what_is_frozen_stays_as_it_was(
    place: Path, tmp_path: Path, selectors: list[str], trained: tuple[str, ...]
) -> None:
    import torch
    from safetensors.torch import load_file

    values = text_recipe("text-classification", stage(list(selectors), optimizer=FAST))
    after = load_file(
        run_text(place, values, out=tmp_path.name).out / "out/result/model.safetensors"
    )
    before = load_file(place / "base/model.safetensors")
    for name, tensor in before.items():
        same = torch.equal(after[f"bert.{name}"], tensor)
        assert same != f"bert.{name}".startswith(trained), name


def test_rates_shrink_from_the_head_to_the_embeddings(place: Path) -> None:
    values = text_recipe(
        "text-classification", stage(layer_decay=0.5, optimizer={"name": "sgd", "lr": 0.08})
    )
    events = run_text(place, values, out="decay").events
    [started] = [event for event in events if isinstance(event, StageStarted)]
    rates = {group.name: group.lr for group in started.groups}
    assert rates == pytest.approx(
        {"embeddings": 0.005, "layer.0": 0.01, "layer.1": 0.02, "pooler": 0.04, "head": 0.08}
    )


def test_only_the_head_trains_on_features_computed_once(place: Path) -> None:
    values = text_recipe("text-classification", stage(["head"], epochs=3, optimizer=FAST))
    [done] = run_text(place, values, out="head").result.stages
    assert done.cached
    assert done.trainable_count == 34


def test_attention_without_dropout_is_said(done: Run) -> None:
    assert any("Dropout inside of attention is off" in line for line in log_lines(done))


def test_a_pair_of_texts_is_read_as_one(place: Path, tmp_path: Path) -> None:
    words = ["red", "blue", "green", "black", "white", "brown", "pink", "grey"]
    write_encoder(tmp_path / "base", [*words, "yes no"])
    rows = "".join(f"{word},{pair},{pair}s\n" for word in words for pair in ("yes", "no"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data/train.csv").write_text(f"text,text_pair,label\n{rows}", encoding="utf-8")
    values = text_recipe("text-classification", stage(epochs=6, optimizer=FAST))
    assert run_text(tmp_path, values).result.headline.value == 1.0


@pytest.mark.parametrize(
    ("over", "key"),
    [
        ({"augment": {"preset": "basic"}}, "augment.preset"),
        ({"data": {"image_size": 32}}, "data.image_size"),
        ({"data": {"stride": 8}}, "data.stride"),
        ({"model": {"head": {"dropout": 0.5}}}, "model.head.dropout"),
    ],
)
def test_keys_that_mean_nothing_for_texts_are_refused(over: Values, key: str) -> None:
    with pytest.raises(RecipeError, match=f"{key} has no effect"):
        recipe_from_values(text_recipe("text-classification", **over))
