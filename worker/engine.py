"""Running a plan from beginning to end: data, network, training, measuring, writing the result."""

import errno
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import timm
import torch
import torchvision
from torch import Tensor

from worker.contract.attempt import CHECKPOINTS_FOLDER, RESULT_FOLDER
from worker.contract.failures import FailureCode, RunError
from worker.contract.inventory import DataInventory, take_inventory
from worker.contract.manifest import Result, SplitMetrics
from worker.contract.plan import PinnedData, Plan, Preprocessing
from worker.contract.sources import FileSource, FolderSource, unpacked
from worker.contract.splits import Splits, assign_splits
from worker.data.images import Decoder, ImageSet, load_images, measure_colors
from worker.data.inputs import ImageInputs
from worker.data.transforms import Transform, training_transform
from worker.evaluation.metrics import split_metrics
from worker.evaluation.predict import Predictor
from worker.export.repository import write_repository, write_weights
from worker.modeling.network import Network, build_network
from worker.modeling.weights import file_sha256
from worker.training.checkpoint import load_checkpoint
from worker.training.loop import Trainer
from worker.training.losses import build_loss, class_weights
from worker.training.precision import choose_precision, make_reproducible
from worker.training.reporting import Control, EventSink, Reporter
from worker.training.stage import count_stages


@dataclass(frozen=True)
class Places:
    """Where an attempt finds and leaves things. `out` gets `out/checkpoints` and `out/result`.

    `weights` is None only for random ones; `test_data` is given for a data set of its own.
    """

    data: Path
    out: Path
    weights: Path | None = None
    test_data: Path | None = None


@dataclass
class _Loaded:
    """Decoded splits, and the numbers that images are normalised with."""

    splits: dict[str, ImageSet]
    counts: dict[str, int]
    preprocessing: Preprocessing


def run_plan(
    plan: Plan,
    places: Places,
    sink: EventSink,
    control: Control,
    resume_from: Path | None = None,
) -> Result:
    """Run a plan and return its result; the model repository lies in `out/result`.

    Args:
        plan: what to do.
        places: where data and weights are and where results go.
        sink: told every event but the last one of a failed run.
        control: asked at every step whether to stop.
        resume_from: a checkpoint folder to continue from.

    Raises:
        RunError: with the reason a user understands.
        StoppedError: the control asked for it; a checkpoint was written if training had begun.
    """
    with _explained():
        return _run(plan, places, Reporter(sink), control, resume_from)


def _run(
    plan: Plan, places: Places, reporter: Reporter, control: Control, resume_from: Path | None
) -> Result:
    precision = choose_precision(plan.recipe)
    make_reproducible(plan.recipe)
    resume = load_checkpoint(resume_from, plan.plan_hash) if resume_from else None
    reporter.tell(
        "RunStarted",
        plan_hash=plan.plan_hash,
        device=_device_name(precision.device),
        versions=versions(),
        resumed_from=resume_from.name if resume_from else None,
        total_epochs=sum(stage.epochs or 0 for stage in plan.recipe.stages),
    )
    network = _build(plan, places, reporter)
    loaded = _load(plan, places, reporter)
    network.module.to(precision.device)
    weights = class_weights(plan.recipe.data.imbalance, plan.classes, loaded.counts)
    inputs = {
        name: ImageInputs(
            images,
            loaded.preprocessing,
            _transform(plan, images) if name == "train" else None,
            precision.device,
        )
        for name, images in loaded.splits.items()
    }
    trainer = Trainer(
        plan=plan,
        network=network,
        train_inputs=inputs["train"],
        validation_inputs=inputs["validation"],
        loss=build_loss(weights, plan.recipe.train.label_smoothing).to(precision.device),
        precision=precision,
        reporter=reporter,
        control=control,
        checkpoints=places.out / CHECKPOINTS_FOLDER,
    )
    trainer.run(resume)
    predictor = Predictor(plan.recipe.train.eval_batch_size or 64, lambda: None, precision.autocast)
    measured: dict[str, SplitMetrics] = {
        name: _measure(plan, predictor, network, inputs[name])
        for name in ("validation", "test")
        if name in inputs
    }
    return _write(plan, places, trainer, loaded.preprocessing, measured)


def _build(plan: Plan, places: Places, reporter: Reporter) -> Network:
    expected, path = plan.base.weights_sha256, places.weights
    if path is not None and expected is not None and plan.base.weights == "pretrained":
        if not path.is_file():
            raise RunError(FailureCode.BASE_NOT_FOUND, f"There is no file {path.name}.")
        if file_sha256(path) != expected:
            raise RunError(FailureCode.BASE_INVALID, f"{path.name} is not the file of the plan.")
    network = build_network(plan, path)
    stages = count_stages(network, plan.recipe.stages)
    reporter.tell("PlanResolved", total_count=network.total_count, stages=tuple(stages))
    return network


def _load(plan: Plan, places: Places, reporter: Reporter) -> _Loaded:
    began = time.monotonic()
    source, inventory = _open(places.data, plan, plan.data)
    other: tuple[FileSource, DataInventory] | None = None
    if plan.test_data is not None and places.test_data is not None:
        other = _open(places.test_data, plan, plan.test_data)
    seed = plan.recipe.reproducibility.seed
    splits = assign_splits(inventory, other[1] if other else None, plan.recipe.data, seed)
    decoded = {
        name: _decode(plan, name, splits, other[0] if other and name == "test" else source, places)
        for name in splits.named()
    }
    preprocessing = plan.preprocessing
    if plan.recipe.data.normalize == "dataset":
        mean, std = measure_colors(decoded["train"].images_NCHW)
        changes = {"mean": tuple(mean), "std": tuple(std)}
        preprocessing = preprocessing.model_copy(update=changes)
    reporter.tell(
        "DataLoaded",
        classes=plan.classes,
        sizes={name: len(images) for name, images in decoded.items()},
        seconds=time.monotonic() - began,
    )
    return _Loaded(decoded, splits.counts()["train"], preprocessing)


def _open(folder: Path, plan: Plan, pin: PinnedData) -> tuple[FileSource, DataInventory]:
    if not folder.is_dir():
        raise RunError(FailureCode.DATA_NOT_FOUND, f"{pin.repo} is not here.")
    source = FolderSource(folder)
    inventory = take_inventory(source, plan.recipe.data.columns, probe=False)
    if inventory.tree_sha256 != pin.tree_sha256:
        raise RunError(
            FailureCode.DATA_INVALID, f"The files of {pin.repo} are not those of the plan."
        )
    return unpacked(source), inventory


def _decode(plan: Plan, name: str, splits: Splits, source: FileSource, places: Places) -> ImageSet:
    numbers = plan.preprocessing
    # Room around the middle is only needed where crops are random.
    roomy = name == "train" and plan.has_random_augmentation
    side = round(numbers.image_size / numbers.crop_pct) if roomy else numbers.image_size
    spill = places.out / "cache" / f"{name}.pixels"
    return load_images(source, splits.named()[name], plan.classes, Decoder(numbers, side), spill)


def _transform(plan: Plan, images: ImageSet) -> Transform | None:
    return training_transform(plan.recipe.augment, plan.image_size, images.images_NCHW.shape[-1])


def _measure(
    plan: Plan, predictor: Predictor, network: Network, inputs: ImageInputs
) -> SplitMetrics:
    logits_NC: Tensor = predictor.scores(network.module, inputs)
    return split_metrics(logits_NC, inputs.labels_N.cpu(), plan.classes, inputs.images.paths)


def _write(
    plan: Plan,
    places: Places,
    trainer: Trainer,
    preprocessing: Preprocessing,
    measured: dict[str, SplitMetrics],
) -> Result:
    folder = places.out / RESULT_FOLDER
    sha256 = write_weights(folder, trainer.network.module.state_dict())
    result = Result.model_validate(
        {
            "plan_hash": plan.plan_hash,
            "task": plan.recipe.task,
            "classes": plan.classes,
            "split": "test" if "test" in measured else "validation",
            "splits": measured,
            "stages": trainer.progress.results,
            "total_count": trainer.network.total_count,
            "epochs": trainer.progress.epochs_done,
            "seconds": trainer.seconds,
            "seed": plan.recipe.reproducibility.seed,
            "device": _device_name(trainer.precision.device),
            "versions": versions(),
            "weights_sha256": sha256,
        }
    )
    write_repository(folder, plan, trainer.network, preprocessing, result)
    headline = measured[result.split]
    trainer.reporter.tell(
        "RunFinished",
        split=result.split,
        accuracy=headline.accuracy,
        accuracy_low=headline.accuracy_low,
        accuracy_high=headline.accuracy_high,
        loss=headline.loss,
        epochs=result.epochs,
        seconds=result.seconds,
    )
    return result


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "timm": timm.__version__,
    }


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return "cpu"


@contextmanager
def _explained() -> Iterator[None]:
    """Turn the machine's own errors into failures that a user understands."""
    try:
        yield
    except (torch.cuda.OutOfMemoryError, MemoryError) as error:
        raise RunError(FailureCode.OUT_OF_MEMORY) from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise RunError(FailureCode.DISK_FULL, str(error.filename or "")) from error
        raise
    except RuntimeError as error:
        # torch's CPU allocator has no error class of its own.
        if "DefaultCPUAllocator" in str(error):
            raise RunError(FailureCode.OUT_OF_MEMORY) from error
        raise
