"""Checkpoints: written aside, sealed with hashes, moved into place, and checked before use."""

import json
import os
import pickle
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from worker.contract.failures import FailureCode, RunError
from worker.contract.manifest import CheckpointManifest
from worker.modeling.weights import file_sha256, load_plain, without_ties
from worker.training.progress import Progress

KEPT = 2
_MANIFEST = "manifest.json"
_WEIGHTS, _BEST, _MOMENTS, _PROGRESS = (
    "weights.safetensors",
    "best.safetensors",
    "optimizer.pt",
    "progress.json",
)


@dataclass
class Snapshot:
    """Everything needed to go on as if nothing had happened.

    `average` is the running mean of the weights; `optimizer` is None between stages; `random`
    holds the states of the generators in mid-epoch.
    """

    progress: Progress
    weights: Mapping[str, Tensor]
    best: Mapping[str, Tensor] | None
    optimizer: dict[str, object] | None
    random: dict[str, Tensor]
    scaler: dict[str, object] | None = None
    average: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Saved:
    """A checkpoint on disk. `sha256` is that of its manifest, which holds those of its files."""

    folder: Path
    sha256: str
    size: int


def save_checkpoint(root: Path, plan_hash: str, snapshot: Snapshot) -> Saved:
    """Write a checkpoint under `root` and drop all but the newest two.

    A folder with a manifest is complete: files are synced before it, and the folder gets its
    name last.
    """
    progress = snapshot.progress
    name = f"step-{progress.step:09d}-stage-{progress.stage:02d}"
    folder, aside = root / name, root / f".{name}.partial"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    _write_files(aside, snapshot)
    files = {path.name: file_sha256(path) for path in sorted(aside.iterdir())}
    manifest = CheckpointManifest(
        plan_hash=plan_hash,
        stage=progress.stage,
        epoch=progress.epoch,
        epochs_done=progress.epochs_done,
        step=progress.step,
        files=files,
    )
    (aside / _MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
    size = sum(path.stat().st_size for path in aside.iterdir())
    for path in [*aside.iterdir(), aside]:
        _sync(path)
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)
    _sync(root)
    _drop_old(root)
    return Saved(folder, file_sha256(folder / _MANIFEST), size)


def _write_files(folder: Path, snapshot: Snapshot) -> None:
    save_file(_contiguous(snapshot.weights), folder / _WEIGHTS)
    if snapshot.best is not None:
        save_file(_contiguous(snapshot.best), folder / _BEST)
    torch.save(
        {
            "optimizer": snapshot.optimizer,
            "random": snapshot.random,
            "scaler": snapshot.scaler,
            "average": snapshot.average,
        },
        folder / _MOMENTS,
    )
    text = snapshot.progress.model_dump_json(indent=1)
    (folder / _PROGRESS).write_text(text, encoding="utf-8")


def _contiguous(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    # Tied tensors are written twice: the file has a place for each name of the network.
    once = without_ties(tensors)
    return {name: once.get(name, tensor.detach().cpu().clone()) for name, tensor in tensors.items()}


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _drop_old(root: Path) -> None:
    complete = sorted(path for path in root.glob("step-*") if (path / _MANIFEST).exists())
    for folder in complete[:-KEPT]:
        shutil.rmtree(folder, ignore_errors=True)


_UNREADABLE = OSError, ValueError, TypeError, LookupError, SafetensorError, pickle.UnpicklingError


def load_checkpoint(folder: Path, plan_hash: str) -> Snapshot:
    """Return a checkpoint after checking that it is whole and belongs to the plan.

    Raises:
        RunError: damaged, incomplete, or of another plan.
    """
    try:
        text = (folder / _MANIFEST).read_text(encoding="utf-8")
        manifest = CheckpointManifest.model_validate_json(text)
    except (OSError, ValidationError) as error:
        raise _invalid(folder, "it has no valid manifest") from error
    if manifest.plan_hash != plan_hash:
        raise _invalid(folder, "it belongs to another plan")
    for name, sha256 in manifest.files.items():
        path = folder / name
        if Path(name).name != name or not path.is_file() or file_sha256(path) != sha256:
            raise _invalid(folder, f"the file {name} is damaged")
    try:
        return _read(folder)
    except _UNREADABLE as error:
        raise _invalid(folder, "its files do not fit together") from error


def _read(folder: Path) -> Snapshot:
    moments = load_plain(folder / _MOMENTS)
    if not isinstance(moments, dict):
        raise TypeError(_MOMENTS)
    values = json.loads((folder / _PROGRESS).read_text(encoding="utf-8"))
    best = folder / _BEST
    return Snapshot(
        progress=Progress.model_validate(values),
        weights=load_file(folder / _WEIGHTS),
        best=load_file(best) if best.exists() else None,
        optimizer=moments["optimizer"],
        random=moments["random"],
        scaler=moments["scaler"],
        average=moments.get("average", {}),
    )


def newest_checkpoint(root: Path) -> Path | None:
    """Return the newest complete checkpoint under a folder, or None."""
    complete = sorted(path for path in root.glob("step-*") if (path / _MANIFEST).exists())
    return complete[-1] if complete else None


def _invalid(folder: Path, reason: str) -> RunError:
    return RunError(FailureCode.CHECKPOINT_INVALID, f"{folder.name}: {reason}.")
