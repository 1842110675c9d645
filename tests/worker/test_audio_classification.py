"""Recordings: how they become pictures, and classes of them told apart."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.worker.builders import Values, fresh_python, plan_of, run, stage
from tests.worker.sounds import sound_recipe, tone, write_sound, write_tones
from worker.contract.attempt import RESULT_FOLDER
from worker.contract.recipe_text import RecipeError, recipe_from_values

ADAM: Values = {"name": "adamw", "lr": 3e-3}


@pytest.fixture
def tones(tmp_path: Path) -> Path:
    write_tones(tmp_path / "data")
    return tmp_path


def test_resampling_keeps_a_tone_and_drops_what_the_lower_rate_cannot_hold() -> None:
    from worker.data.mel import resample

    times = torch.arange(16_000) / 16_000
    low, high = torch.sin(2 * torch.pi * 1000 * times), torch.sin(2 * torch.pi * 6000 * times)

    kept, dropped = resample(low, 16_000, 8000), resample(high, 16_000, 8000)

    wanted = torch.sin(2 * torch.pi * 1000 * torch.arange(8000) / 8000)
    assert len(kept) == 8000
    assert float((kept - wanted)[200:-200].abs().max()) < 0.01
    assert float(dropped[200:-200].abs().max()) < 0.01


def test_a_tone_is_brightest_where_its_pitch_lies() -> None:
    from worker.data.mel import log_mel, mel_filters

    wave = torch.from_numpy(tone(1000.0, 0.5, 1)).float()

    picture = log_mel(wave, 8000, 40)

    filters = mel_filters(8000, 256, 40)
    expected = int(filters[round(1000 / 8000 * 256)].argmax())
    assert abs(int(picture.mean(1).argmax()) - expected) <= 1
    assert abs(float(picture.mean())) < 1e-3


def test_hiding_bands_changes_training_pictures_only_and_at_most_a_fifth_at_a_time() -> None:
    from worker.data.sounds import spec_augmented

    pictures = torch.ones(4, 40, 50)

    hidden = (spec_augmented(pictures) == 0).float()

    assert 0 < float(hidden.mean()) < 0.7
    assert float(pictures.min()) == 1


def test_high_and_low_tones_are_told_apart_and_the_card_gives_equal_answers(tones: Path) -> None:
    values = sound_recipe(
        "audio-classification",
        "tuningfork/audio-cnn",
        stage(epochs=4, optimizer=ADAM),
        data={"train": {"repo": "data"}, "sample_rate": 8000},
        augment={"preset": "specaugment"},
    )

    done = run(tones, values)

    result = done.result.headline
    assert result.value == 1.0
    assert {item.label for item in result.per_class} == {"high", "low"}
    card = (done.out / RESULT_FOLDER / "README.md").read_text(encoding="utf-8")
    code = card.split("```python\n")[1].split("```")[0]
    sound = tones / "data" / "test" / "low" / "0.wav"
    said = fresh_python(f"{code}\nprint(classify({str(sound)!r}))", done.out / RESULT_FOLDER)
    assert said.startswith("('low', ")


def test_a_network_for_images_hears_through_pictures_of_its_own_size(tones: Path) -> None:
    values = sound_recipe(
        "audio-classification",
        "timm/test_resnet",
        data={"train": {"repo": "data"}, "sample_rate": 8000, "image_size": 32},
    )

    done = run(tones, values)

    assert done.result.headline.size == 8
    assert done.of_kind("StageFinished")


def test_recordings_over_half_a_minute_and_needless_resampling_are_told(tmp_path: Path) -> None:
    write_tones(tmp_path / "data")
    write_sound(tmp_path / "data" / "train" / "low" / "long.wav", np.zeros(31 * 8000) + 0.1)

    plan, _ = plan_of(tmp_path, sound_recipe("audio-classification", "tuningfork/audio-cnn"))

    codes = {finding.code for finding in plan.findings}
    assert {"SOUND_LONG", "RATE_RAISED"} <= codes


def test_augmentation_of_pictures_is_refused_for_recordings() -> None:
    values = sound_recipe(
        "audio-classification", "tuningfork/audio-cnn", augment={"preset": "randaugment"}
    )

    with pytest.raises(RecipeError, match=r"augment\.preset has no effect"):
        recipe_from_values(values)
