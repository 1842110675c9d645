"""After training, on real weights and real pictures."""

import sys
from pathlib import Path

import pytest

from tests.worker.builders import recipe_values, run, stage


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_real_network_is_written_exactly_and_shrinks_to_a_third(tmp_path: Path) -> None:
    from worker.starter import convert_starter

    convert_starter(tmp_path, lambda _line: None)
    (tmp_path / "datasets/digits").rename(tmp_path / "data")
    head = stage(["head"], epochs=15, optimizer={"name": "adamw", "lr": 3e-3})
    values = recipe_values(
        head,
        model={"base": {"repo": "models/mobilenet_v2", "weights": "pretrained"}},
        data={"image_size": 48},
        train={"batch_size": 32},
        export={
            "formats": ["safetensors", "onnx"],
            "quantize": "static-int8",
            "max_metric_drop": 0.05,
        },
        explain={"samples": 3},
        evaluate={"baseline": True},
    )
    result = run(tmp_path, values).result
    assert result.exports is not None
    assert result.evaluation is not None
    sys.stdout.write(f"\n{result.exports}\n{result.evaluation.baselines}\n")
    forms = {form.format: form for form in result.exports.forms}
    onnx, int8 = forms["onnx"], forms["onnx-int8"]
    assert onnx.max_difference is not None
    assert onnx.max_difference < 1e-4
    assert onnx.agreement == 1.0
    assert int8.size <= 0.35 * int8.reference_size
    assert int8.drop is not None
    assert (int8.verdict == "kept") == (int8.drop <= 0.05 + 1e-9)
    values_of = {row.name: row.value for row in result.evaluation.baselines}
    # Digits of 8 pixels need no ImageNet: a layer on random features reaches 94 %, on pretrained
    # ones 90 %. What pretraining is worth shows on photos, as the guide's recipes tell.
    assert min(values_of["pretrained-features"], values_of["random-features"]) > 0.7
    assert values_of["majority"] < 0.2
