"""Every family of networks: built, its head trained, written down, and read again as it was."""

import json
from pathlib import Path

import pytest
import torch
from pydantic import JsonValue
from safetensors.torch import load_file

from tests.worker.builders import Values, plan_of, recipe_values, run, stage
from tests.worker.language import BAD, GOOD, run_text, text_recipe, write_encoder, write_reviews
from worker.contract.attempt import RESULT_FOLDER
from worker.contract.bases import PinnedBase
from worker.contract.failures import RunError
from worker.modeling.network import build_base, build_network
from worker.modeling.weights import load_weights

AVERAGED: Values = {"type": "mlp", "hidden": [4], "pool": "avg"}
PICTURES: list[tuple[str, Values]] = [
    ("torchvision/resnet18", {}),
    ("torchvision/resnet50", {}),
    ("torchvision/vgg16", AVERAGED),
    ("torchvision/mobilenet_v2", {}),
    ("timm/tf_efficientnet_lite0", {}),
    ("timm/convnext_atto", {}),
]
TEXTS: dict[str, Values] = {
    "bert": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2},
    "roberta": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2},
    "distilbert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32},
    "electra": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2},
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64},
    "llama": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2},
}


@pytest.mark.parametrize(("name", "head"), PICTURES)
def test_a_network_for_pictures_is_read_again_as_it_was(
    folder: Path, name: str, head: Values
) -> None:
    values = recipe_values(
        stage(["head"], max_steps=1, cache_features="off"),
        architecture=name,
        model={"head": head},
        data={"image_size": 32},
        evaluate={"baseline": False},
    )

    done = run(folder, values)

    result = done.out / RESULT_FOLDER
    weights = load_file(result / "model.safetensors")
    config: dict[str, JsonValue] = json.loads((result / "config.json").read_text(encoding="utf-8"))
    again, _ = build_base(PinnedBase.from_config("a/b", None, config))
    load_weights(again, weights, "model.safetensors")
    begun = build_network(done.plan, None)
    before = begun.module.state_dict()
    moved = {
        key for key, value in again.state_dict().items() if not torch.equal(value, before[key])
    }
    assert moved
    assert all(key.startswith(f"{begun.head_path}.") for key in moved)
    assert weights.keys() == before.keys()


@pytest.mark.parametrize("kind", TEXTS)
def test_a_network_for_texts_is_read_again_as_it_was(tmp_path: Path, kind: str) -> None:
    from transformers import AutoConfig, AutoModelForSequenceClassification

    write_encoder(tmp_path / "base", [*GOOD, *BAD])
    write_reviews(tmp_path / "data")
    path = tmp_path / "base" / "config.json"
    size = json.loads(path.read_text(encoding="utf-8"))["vocab_size"]
    config = AutoConfig.for_model(
        kind,
        vocab_size=size,
        intermediate_size=32,
        max_position_embeddings=66,
        pad_token_id=0,
        **TEXTS[kind],
    )
    path.write_text(json.dumps(config.to_dict()), encoding="utf-8")
    values = text_recipe(
        "text-classification",
        stage(["head"], max_steps=1, cache_features="off"),
        model={"base": {"repo": "base", "weights": "random"}},
        data={"max_length": 48},
    )

    done = run_text(tmp_path, values)

    folder = done.out / RESULT_FOLDER
    again, told = AutoModelForSequenceClassification.from_pretrained(
        folder, output_loading_info=True
    )
    weights = load_file(folder / "model.safetensors")
    read = again.state_dict()
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    assert all(torch.equal(read[key], value) for key, value in weights.items())


@pytest.mark.parametrize(
    ("name", "most"), [("torchvision/efficientnet_b0", 0.3), ("timm/convnext_atto", 0.3)]
)
def test_late_blocks_are_passed_by_more_often(folder: Path, name: str, most: float) -> None:
    values = recipe_values(architecture=name, model={"drop_path": most}, data={"image_size": 32})
    plan, _ = plan_of(folder, values)

    module = build_network(plan, None).module

    rates = [
        float(vars(part).get("p") or vars(part).get("drop_prob") or 0.0)
        for part in module.modules()
        if type(part).__name__ in {"StochasticDepth", "DropPath"}
    ]
    assert rates == sorted(rates)
    assert rates[-1] == pytest.approx(most)


def test_a_network_without_such_blocks_says_so(folder: Path) -> None:
    values = recipe_values(architecture="torchvision/vgg11", model={"drop_path": 0.1})
    with pytest.raises(RunError, match="no blocks that a sample can pass by"):
        build_network(plan_of(folder, values)[0], None)
