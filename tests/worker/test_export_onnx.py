from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn


class Small(nn.Module):
    """A network with a norm and a dropout, which must be off in the file."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.5)
        )
        self.head = nn.Linear(8, 4)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(images).mean((2, 3)))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Path]:
    from worker.export.onnx import export_onnx

    network, path = Small().train(), tmp_path_factory.mktemp("onnx") / "model.onnx"
    export_onnx(network, {"images": torch.randn(1, 3, 12, 12)}, path)
    assert network.training
    return network, path


def test_the_file_gives_the_scores_of_the_network_for_any_batch_size(
    exported: tuple[nn.Module, Path],
) -> None:
    from worker.export.onnx import all_scores, compare, open_session

    network, path = exported
    session = open_session(path, threads=1)
    batches = [{"images": torch.randn(size, 3, 12, 12)} for size in (1, 5, 2)]
    found = compare(network, session, batches)
    assert found.is_same
    assert found.max_difference < 1e-4
    assert (found.agreement, found.samples) == (1.0, 8)
    assert all_scores(session, batches).shape == (8, 4)


def test_a_file_of_other_weights_is_not_the_same(exported: tuple[nn.Module, Path]) -> None:
    from worker.export.onnx import compare, open_session

    other = Small()
    nn.init.normal_(other.head.weight, std=5)
    found = compare(
        other, open_session(exported[1], threads=1), [{"images": torch.randn(8, 3, 12, 12)}]
    )
    assert not found.is_same
    assert found.max_difference > 1


def test_a_text_network_takes_texts_of_any_length(tmp_path: Path) -> None:
    from worker.export.onnx import compare, export_onnx, open_session

    class Bag(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(30, 8)
            self.head = nn.Linear(8, 2)

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            kept = self.embedding(input_ids) * attention_mask[..., None]
            return self.head(kept.sum(1) / attention_mask.sum(1, keepdim=True))

    def batch(size: int, length: int) -> dict[str, torch.Tensor]:
        ids = torch.randint(0, 30, (size, length))
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}

    network, path = Bag(), tmp_path / "text.onnx"
    export_onnx(network, batch(2, 6), path)
    assert compare(network, open_session(path, threads=1), [batch(3, 9), batch(1, 4)]).is_same


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    from worker.export.onnx import NotExportableError, export_onnx

    class Forked(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.mean((1, 2, 3)) if float(images.sum()) > 0 else images.amax((1, 2, 3))

    with pytest.raises(NotExportableError):
        export_onnx(Forked(), {"images": torch.ones(2, 3, 4, 4)}, tmp_path / "no.onnx")


def test_the_file_stands_alone_and_names_its_ends(exported: tuple[nn.Module, Path]) -> None:
    import onnx

    model = onnx.load(exported[1], load_external_data=False)
    onnx.checker.check_model(model)
    assert [item.name for item in model.graph.input] == ["images"]
    assert [item.name for item in model.graph.output] == ["logits"]
    assert np.asarray([path.name for path in exported[1].parent.iterdir()]).tolist() == [
        "model.onnx"
    ]
