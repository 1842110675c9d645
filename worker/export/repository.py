"""Writing the result of a run as a model repository, its manifest last."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue
from safetensors.torch import save_file
from torch import Tensor

from worker.contract.manifest import ArtifactEntry, Manifest, Result
from worker.contract.plan import Plan
from worker.export.card import model_card
from worker.modeling.weights import WEIGHTS_FILE, file_sha256, without_ties
from worker.task import ModelFiles

_KINDS = {
    WEIGHTS_FILE: "weights",
    "config.json": "config",
    "preprocessor_config.json": "config",
    "README.md": "card",
    "result.json": "result",
    "plan.json": "plan",
    "model.onnx": "onnx",
    "model.pruned.onnx": "onnx",
    "model.int8.onnx": "quantized",
}
# Pictures for the page of the run.
_EXPLANATIONS = ("explanations/", "pictures/")


def write_weights(folder: Path, tensors: Mapping[str, Tensor]) -> str:
    """Write the weights as safetensors; return the sha256 of the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / WEIGHTS_FILE
    save_file(without_ties(tensors), path, metadata={"format": "pt"})
    return file_sha256(path)


def write_repository(
    folder: Path, plan: Plan, files: ModelFiles, result: Result, summary: str
) -> Manifest:
    """Write config, preprocessing, plan, result and card beside the weights.

    Args:
        folder: holds the weights already.
        plan: what was run.
        files: what the task says rebuilds and runs the network.
        result: every measured number.
        summary: one sentence about the model, for the card.
    """
    for name, value in files.jsons.items():
        _write_json(folder / name, value)
    texts = {
        **files.texts,
        "plan.json": plan.model_dump_json(indent=1) + "\n",
        "README.md": model_card(plan, result, summary, files.snippet),
        "result.json": result.model_dump_json(indent=1) + "\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    )
    manifest = Manifest(
        plan_hash=result.plan_hash, files=tuple(_entry(folder, name) for name in names)
    )
    path = folder / "manifest.json"
    aside = path.with_suffix(".partial")
    aside.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    aside.replace(path)
    return manifest


def _entry(folder: Path, name: str) -> ArtifactEntry:
    path = folder / name
    shown = "explanation" if name.startswith(_EXPLANATIONS) else "other"
    return ArtifactEntry.model_validate(
        {
            "path": name,
            "sha256": file_sha256(path),
            "size": path.stat().st_size,
            "kind": _KINDS.get(name, shown),
        }
    )


def _write_json(path: Path, value: dict[str, JsonValue]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
