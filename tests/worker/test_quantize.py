from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

Batch = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(1024, 5),
    ).eval()


@pytest.fixture(scope="module")
def exported(network: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from worker.export.onnx import export_onnx

    path = tmp_path_factory.mktemp("quantize") / "model.onnx"
    export_onnx(network, {"images": torch.randn(2, 3, 16, 16)}, path)
    return path


def batches(seed: int) -> Iterator[Batch]:
    torch.manual_seed(seed)
    for _ in range(3):
        yield {"images": torch.randn(8, 3, 16, 16)}


@pytest.mark.parametrize("method", ["static-int8", "dynamic-int8"])
def test_int8_is_far_smaller_and_decides_nearly_the_same(
    network: nn.Module, exported: Path, method: str
) -> None:
    from worker.export.onnx import compare, open_session
    from worker.export.quantize import quantize

    target = exported.with_name(f"{method}.onnx")
    quantize(exported, target, method, batches(1))
    assert target.stat().st_size < 0.4 * exported.stat().st_size
    found = compare(network, open_session(target, threads=1), batches(2))
    assert 0 < found.max_difference < 0.2
    assert found.agreement >= 0.85
    assert not [path for path in exported.parent.iterdir() if path.is_dir()]
