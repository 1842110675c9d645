"""What takes minutes: words written down, and an agent that learns what has changed."""

import csv
from pathlib import Path

import numpy as np
import pytest

from tests.worker.builders import Values, run, stage
from tests.worker.sounds import RATE, sound_recipe, tone, write_sound

PITCHES = (300, 420, 590, 830, 1160, 1620, 2270, 3180)
WORDS = ("one", "two", "three", "four", "five", "six")


def _spoken(word: str, seed: int) -> np.ndarray:
    letters = sorted({letter for text in WORDS for letter in text})
    parts = []
    for place, letter in enumerate(word):
        number = letters.index(letter)
        # Two tones a letter, as vowels have: none is told from one pitch alone.
        pair = (
            tone(PITCHES[number % 8], 0.09, seed + place),
            tone(PITCHES[(number * 3 + number // 8) % 8], 0.09, seed + place + 50),
        )
        parts += [pair[0] / 2 + pair[1] / 2, np.zeros(RATE // 50)]
    return np.concatenate(parts)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_words_are_written_down_with_fewer_than_a_fifth_of_the_letters_wrong(
    tmp_path: Path,
) -> None:
    rows: list[tuple[str, str, str]] = []
    for split, count in (("train", 18), ("test", 4)):
        for word in WORDS:
            for number in range(count):
                name = f"{split}-{word}-{number}.wav"
                seed = number * 97 + len(rows)
                write_sound(tmp_path / "data" / name, _spoken(word, seed))
                rows.append((name, word, split))
    with (tmp_path / "data" / "transcripts.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("path", "text", "split"), *rows])
    values = sound_recipe(
        "automatic-speech-recognition",
        "tuningfork/speech-ctc",
        stage(epochs=25, optimizer={"name": "adamw", "lr": 3e-3, "max_grad_norm": 1.0}),
        data={"train": {"repo": "data"}, "sample_rate": RATE},
        train={"batch_size": 12},
    )

    assert run(tmp_path, values).result.headline.values["cer"] < 0.2


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_an_agent_that_knew_the_short_pole_learns_the_long_one_no_worse_than_from_scratch(
    tmp_path: Path,
) -> None:
    adam: Values = {"name": "adam", "lr": 1e-3}

    def played(length: float, out: str, base: Values, *stages: Values) -> tuple[Path, float]:
        values = sound_recipe("reinforcement-learning", "tuningfork/mlp-policy", *stages)
        values["env"] = {"id": "CartPole-v1", "shift": {"length": length}, "n_envs": 4}
        values["data"] = {"train": {"repo": "env/CartPole-v1"}}
        values["model"] = {"base": base}
        values["train"] = {
            "batch_size": 512,
            "early_stopping": {"patience": 20},
            "stages": list(stages),
        }
        weights = tmp_path / "base" / "model.safetensors"
        done = run(tmp_path, values, weights=weights if "weights" not in base else None, out=out)
        return done.out / "out" / "result", done.result.headline.value

    fresh: Values = {"repo": "tuningfork/mlp-policy", "weights": "random"}
    everything = stage("all", epochs=6, optimizer=adam)
    folder, _ = played(0.5, "short", fresh, everything)
    (tmp_path / "base").symlink_to(folder)
    value_head = stage(["value_head"], name="value-head", epochs=1, optimizer=adam)
    both = (value_head, stage("all", epochs=2, optimizer=adam))

    _, tuned = played(1.0, "long", {"repo": "base"}, *both)
    _, scratch = played(1.0, "scratch", fresh, stage("all", epochs=3, optimizer=adam))

    assert tuned >= 400
    # Both may reach the most that can be won, 500.
    assert tuned >= scratch
