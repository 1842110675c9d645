"""Small data sets, recipes and runs for the engine's tests."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image
from pydantic import JsonValue

from worker.alone import Search, prepare
from worker.contract.manifest import Result
from worker.contract.plan import Plan
from worker.contract.presets import merged
from worker.contract.recipe_text import recipe_from_values
from worker.contract.run_events import RunEvent
from worker.engine import Places, run_plan
from worker.training.reporting import Control, Forever

Values = dict[str, JsonValue]
COLORS = {"blue": (30, 60, 200), "green": (40, 190, 60), "red": (200, 40, 40)}


def write_images(root: Path, *, train: int = 8, test: int = 4, side: int = 24) -> Path:
    """Write noisy pictures of three colours as class folders; each picture is unique."""
    random = np.random.default_rng(7)
    for split, count in (("train", train), ("test", test)):
        for label, color in COLORS.items():
            folder = root / split / label
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                noise = random.integers(-60, 60, (side, side, 3))
                pixels = np.clip(np.array(color) + noise, 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return root


def stage(train: JsonValue = "all", **values: JsonValue) -> Values:
    """Return a stage of one epoch with plain SGD, overlaid with values."""
    base: Values = {
        "name": "stage",
        "train": train,
        "epochs": 1,
        "optimizer": {"name": "sgd", "lr": 0.05, "momentum": 0},
    }
    if "max_steps" in values:
        del base["epochs"]
    asked = values.get("optimizer")
    if isinstance(asked, dict) and "name" in asked:
        del base["optimizer"]
    return merged(base, values)


def recipe_values(
    *stages: Values, architecture: str = "timm/test_resnet", **over: JsonValue
) -> Values:
    """Return the values of a recipe with a tiny random network, overlaid with values."""
    base: Values = {
        "recipe": 1,
        "name": "tiny",
        "task": "image-classification",
        "model": {"base": {"repo": architecture, "weights": "random"}},
        "data": {"train": {"repo": "data"}, "image_size": 24},
        "train": {"batch_size": 6, "stages": list(stages or (stage(),))},
        "reproducibility": {"seed": 3},
        "resources": {"device": "cpu"},
    }
    return merged(base, over)


@dataclass
class Run:
    """What a run left."""

    plan: Plan
    result: Result
    out: Path
    events: list[RunEvent] = field(default_factory=list)

    def of_kind(self, kind: str) -> list[RunEvent]:
        """Return the events of one kind, in order."""
        return [event for event in self.events if event.kind == kind]

    def losses(self) -> list[float]:
        """Return the training loss of each epoch."""
        return [event.train_loss for event in self.events if event.kind == "EpochFinished"]


def plan_of(folder: Path, values: Values, weights: Path | None = None) -> tuple[Plan, Places]:
    """Return the plan of a recipe for `folder/data`; it must have no errors."""
    search = Search((folder,))
    examination, places = prepare(recipe_from_values(values), search, weights, folder / "run")
    assert examination.plan is not None, [finding.sentence for finding in examination.errors]
    return examination.plan, places


def run(
    folder: Path,
    values: Values,
    *,
    weights: Path | None = None,
    out: str = "run",
    control: Control | None = None,
    resume_from: Path | None = None,
    shelf: Path | None = None,
) -> Run:
    """Run a recipe on `folder/data` into `folder/out`; `shelf` holds features of earlier runs."""
    plan, places = plan_of(folder, values, weights)
    places = replace(places, out=folder / out, shelf=shelf)
    events: list[RunEvent] = []
    result = run_plan(plan, places, events.append, control or Forever(), resume_from)
    return Run(plan, result, folder / out, events)


def write_weights_of(folder: Path, architecture: str, seed: int = 11) -> Path:
    """Write random but fixed weights of a plain architecture and return the file."""
    import torch
    from safetensors.torch import save_file

    from worker.modeling.architectures import build_architecture

    torch.manual_seed(seed)
    library, _, name = architecture.partition("/")
    path = folder / f"{name}.safetensors"
    save_file(build_architecture(library, name).state_dict(), path)
    return path


def fresh_python(code: str, folder: Path) -> str:
    """Run code in a new interpreter that cannot import the project; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def front_matter(card: str) -> str:
    """Return the YAML at the head of a card."""
    return card.split("---\n")[1]


def as_json(path: Path) -> Values:
    """Return the values of a JSON file."""
    values: Values = json.loads(path.read_text(encoding="utf-8"))
    return values
