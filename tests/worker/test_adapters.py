from pathlib import Path

import pytest

from tests.worker.builders import Run, Values, recipe_values, run, stage
from tests.worker.language import BAD, GOOD, run_text, text_recipe, write_encoder, write_reviews
from worker.contract.recipe_text import RecipeError, recipe_from_values

FAST: Values = {"name": "adam", "lr": 0.02}
KINDS = ("lora", "dora", "ia3")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a tiny BERT and a few reviews."""
    folder = tmp_path_factory.mktemp("adapters")
    write_encoder(folder / "base", [*GOOD, *BAD])
    write_reviews(folder / "data")
    return folder


def _adapted(place: Path, **adapter: str) -> Run:
    values = text_recipe(
        "text-classification",
        stage(["adapter", "pooler", "head"], epochs=4, optimizer=FAST),
        model={"adapter": dict(adapter)},
    )
    return run_text(place, values, out=f"run-{adapter['type']}")


# peft asks transformers for something under its old name.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_merged_weights_compute_what_the_adapter_does(place: Path, kind: str) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = _adapted(place, type=kind).out / "out/result"
    merged = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    plain = AutoModelForSequenceClassification.from_pretrained(
        place / "base", attention_probs_dropout_prob=0.0
    )
    adapted = PeftModel.from_pretrained(plain, folder / "adapter").eval()
    inputs = AutoTokenizer.from_pretrained(folder)([*GOOD, *BAD], padding=True, return_tensors="pt")
    with torch.inference_mode():
        difference = (merged(**inputs).logits - adapted(**inputs).logits).abs().max()
    assert float(difference) < 1e-5


@pytest.mark.parametrize("kind", [*KINDS, "bitfit"])
def test_only_the_adapter_and_the_head_change(place: Path, kind: str) -> None:
    import torch
    from safetensors.torch import load_file

    run = _adapted(place, type=kind)
    [done] = run.result.stages
    after = load_file(run.out / "out/result/model.safetensors")
    before = load_file(place / "base/model.safetensors")
    assert {name.removeprefix("bert.") for name in after} - before.keys() == {
        "classifier.weight",
        "classifier.bias",
    }
    changed = {
        name for name, part in before.items() if not torch.equal(after[f"bert.{name}"], part)
    }
    pooler = ("pooler.dense.weight", "pooler.dense.bias")
    ends = {
        "lora": ("query.weight", "value.weight", *pooler),
        "dora": ("query.weight", "value.weight", *pooler),
        "ia3": (
            *pooler,
            "key.weight",
            "value.weight",
            "output.dense.weight",
            "key.bias",
            "value.bias",
        ),
        "bitfit": (".bias", *pooler),
    }
    assert changed
    assert all(name.endswith(ends[kind]) for name in changed), changed
    assert done.trainable_count < run.result.total_count / 5
    files = sorted(path.name for path in (run.out / "out/result/adapter").iterdir())
    assert files == (
        ["biases.safetensors"]
        if kind == "bitfit"
        else ["adapter_config.json", "adapter_model.safetensors"]
    )


def test_an_adapter_beside_the_layers_of_a_picture_network(folder: Path) -> None:
    values = recipe_values(
        stage(["adapter", "head"], epochs=2),
        architecture="timm/test_vit",
        model={"adapter": {"type": "lora", "r": 2, "lora_alpha": 4, "target_modules": ["qkv"]}},
        data={"image_size": 160},
        train={"batch_size": 12},
    )
    done = run(folder, values)
    assert (done.out / "out/result/adapter/adapter_model.safetensors").is_file()
    assert not any("lora" in name for name in _names(done.out / "out/result/model.safetensors"))


def _names(path: Path) -> list[str]:
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        return list(file.keys())


@pytest.mark.parametrize(
    ("adapter", "train", "reason"),
    [
        (None, ["adapter"], "add model.adapter"),
        ({"type": "lora"}, ["head"], "trained by no stage"),
        ({"type": "ia3", "r": 4}, ["adapter", "head"], "r has no effect with ia3"),
        ({"type": "bitfit", "target_modules": ["q"]}, ["adapter", "head"], "trains every bias"),
    ],
)
def test_an_adapter_that_makes_no_sense_is_refused(
    adapter: Values | None, train: list[str], reason: str
) -> None:
    values = text_recipe("text-classification", stage(list(train)), model={"adapter": adapter})
    with pytest.raises(RecipeError, match=reason):
        recipe_from_values(values)
