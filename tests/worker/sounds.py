"""Small sets of recordings, of choices and of agents for the tests of their tasks."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import torch

from tests.worker.builders import Values, recipe_values, stage
from worker.contract.presets import merged

RATE = 8000
PITCHES = {"high": 1800.0, "low": 300.0}
LETTERS = {"a": 400.0, "b": 1200.0, "c": 2600.0}


def tone(pitch: float, seconds: float, seed: int) -> np.ndarray:
    """Return a tone with some noise; no two are alike."""
    random = np.random.default_rng(seed)
    times = np.arange(round(RATE * seconds)) / RATE
    noise = random.normal(0, 0.02, len(times))
    return 0.4 * np.sin(2 * math.pi * pitch * times) + noise


def write_sound(path: Path, samples: np.ndarray, rate: int = RATE) -> None:
    """Write a recording as 16-bit WAVE."""
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate)


def write_tones(root: Path, *, train: int = 8, test: int = 4) -> None:
    """Write high and low tones as class folders."""
    for split, count in (("train", train), ("test", test)):
        for label, pitch in PITCHES.items():
            for number in range(count):
                seed = len(label) * 100 + number + (1000 if split == "test" else 0)
                name = root / split / label / f"{number}.wav"
                write_sound(name, tone(pitch * (1 + number / 40), 0.25, seed))


def write_letters(root: Path, *, train: int = 12, test: int = 4) -> None:
    """Write words of three tones, each standing for a letter, with a table of transcripts."""
    random = np.random.default_rng(5)
    rows = []
    for split, count in (("train", train), ("test", test)):
        for number in range(count):
            word = "".join(random.choice(list(LETTERS), 3))
            parts = [
                tone(LETTERS[letter], 0.12, number * 7 + place) for place, letter in enumerate(word)
            ]
            gap = np.zeros(round(RATE * 0.05))
            name = f"{split}-{number}.wav"
            write_sound(root / name, np.concatenate([x for part in parts for x in (part, gap)]))
            rows.append((name, word, split))
    with (root / "transcripts.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("path", "text", "split"), *rows])


def write_choices(root: Path, *, users: int = 60, items: int = 60, groups: int = 6) -> None:
    """Write what users chose; those of a group like the same part of the items."""
    random = np.random.default_rng(2)
    root.mkdir(parents=True, exist_ok=True)
    size = items // groups
    with (root / "ratings.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("userId", "movieId", "rating", "timestamp"))
        for user in range(users):
            liked = random.choice(size, size - 2, replace=False) + size * (user % groups)
            for when, item in enumerate(liked):
                table.writerow((f"u{user}", f"i{item}", 4, 1000 + when))


def write_policy(folder: Path) -> Path:
    """Write the base of an agent with random weights."""
    from safetensors.torch import save_file

    from worker.modeling.nets.mlp_policy import MlpPolicy

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(4)
    save_file(MlpPolicy(4, 2, [16]).state_dict(), folder / "model.safetensors")
    config = {"architecture": "tuningfork/mlp-policy", "hidden": [16]}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def sound_recipe(task: str, architecture: str, *stages: Values, **over: object) -> Values:
    """Return a recipe for recordings, choices or agents."""
    values = recipe_values(*(stages or (stage(),)), architecture=architecture)
    values["task"] = task
    values["data"] = {"train": {"repo": "data"}}
    return merged(values, over)  # type: ignore[arg-type] # plain JSON values
