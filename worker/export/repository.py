"""Writing the result of a run as a model repository, its manifest last."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue
from safetensors.torch import save_file
from torch import Tensor

from worker.contract.manifest import ArtifactEntry, Manifest, Result
from worker.contract.plan import Plan, Preprocessing
from worker.export.card import model_card
from worker.export.config import config_values
from worker.export.snippet import usage_snippet
from worker.modeling.network import Network
from worker.modeling.weights import WEIGHTS_FILE, file_sha256

_KINDS = {
    WEIGHTS_FILE: "weights",
    "config.json": "config",
    "preprocessor_config.json": "config",
    "README.md": "card",
    "result.json": "result",
    "plan.json": "plan",
}
_RESAMPLE = {"nearest": 0, "bilinear": 2, "bicubic": 3}


def write_weights(folder: Path, tensors: Mapping[str, Tensor]) -> str:
    """Write the weights as safetensors; return the sha256 of the file."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    path = folder / WEIGHTS_FILE
    save_file(plain, path, metadata={"format": "pt"})
    return file_sha256(path)


def write_repository(
    folder: Path, plan: Plan, network: Network, preprocessing: Preprocessing, result: Result
) -> Manifest:
    """Write config, preprocessing, labels, plan, result and card beside the weights.

    Args:
        folder: holds the weights already.
        plan: what was run.
        network: the trained network.
        preprocessing: with the numbers that were really used.
        result: every measured number.
    """
    config = config_values(plan.base, plan.classes, preprocessing, network.head, network.stem)
    snippet = usage_snippet(plan.base, preprocessing, network.replacements)
    _write_json(folder / "config.json", config)
    _write_json(folder / "preprocessor_config.json", _preprocessor(preprocessing))
    (folder / "labels.txt").write_text("".join(f"{c}\n" for c in plan.classes), encoding="utf-8")
    (folder / "plan.json").write_text(plan.model_dump_json(indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(model_card(plan, result, snippet), encoding="utf-8")
    (folder / "result.json").write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")
    names = (*_KINDS, "labels.txt")
    manifest = Manifest(
        plan_hash=result.plan_hash, files=tuple(_entry(folder / name) for name in sorted(names))
    )
    path = folder / "manifest.json"
    aside = path.with_suffix(".partial")
    aside.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    aside.replace(path)
    return manifest


def _entry(path: Path) -> ArtifactEntry:
    return ArtifactEntry.model_validate(
        {
            "path": path.name,
            "sha256": file_sha256(path),
            "size": path.stat().st_size,
            "kind": _KINDS.get(path.name, "other"),
        }
    )


def _preprocessor(numbers: Preprocessing) -> dict[str, JsonValue]:
    """Return the same preparation in the words that transformers uses."""
    size = numbers.image_size
    return {
        "do_resize": True,
        "size": {"shortest_edge": round(size / numbers.crop_pct)},
        "do_center_crop": True,
        "crop_size": {"height": size, "width": size},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(numbers.mean),
        "image_std": list(numbers.std),
        "resample": _RESAMPLE[numbers.interpolation],
    }


def _write_json(path: Path, value: dict[str, JsonValue]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
