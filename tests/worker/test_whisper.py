"""Whisper: it hears as transformers does, learns to write, and is read by transformers again."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.worker.builders import Run, Values, fresh_python, plan_of, run, stage
from tests.worker.sounds import sound_recipe, tone, write_letters
from tests.worker.whisper import SECONDS, write_ctranslate2, write_whisper_base
from worker.alone import Search, prepare
from worker.contract.attempt import RESULT_FOLDER
from worker.contract.recipe_text import RecipeError, recipe_from_values

FAST: Values = {"name": "adamw", "lr": 1e-2}
TASK = "automatic-speech-recognition"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a tiny Whisper and words of three letters."""
    folder = tmp_path_factory.mktemp("whisper")
    (folder / "data").mkdir()
    write_letters(folder / "data")
    write_whisper_base(folder / "base")
    return folder


def _recipe(*stages: Values, **over: object) -> Values:
    values = sound_recipe(TASK, "base", *stages, **over)
    values["model"] = {**values["model"], "base": {"repo": "base"}}  # type: ignore[dict-item] # plain JSON values
    return values


def _code(folder: Path) -> str:
    card = (folder / "README.md").read_text(encoding="utf-8")
    return card.split("```python\n")[1].split("```")[0]


@pytest.fixture(scope="module")
def done(place: Path) -> Run:
    """Return a run in which everything but the tokens was trained."""
    return run(place, _recipe(stage(epochs=6, optimizer=FAST), data={"max_seconds": 1}))


@pytest.mark.parametrize("seconds", [0.21, 0.995, 1.0, 2.0, 2.5])
def test_pictures_equal_those_of_transformers(seconds: float) -> None:
    from transformers import WhisperFeatureExtractor

    from worker.data.whisper import extractor_of, padded_picture, picture

    wave = torch.from_numpy(tone(900.0, seconds * 2, 3)).float()[: round(seconds * 16_000)]

    found = picture(wave, extractor_of(80, SECONDS))

    whole = padded_picture(found, SECONDS * 100, float(found[0, -1]))
    kind: Any = WhisperFeatureExtractor
    expected = kind(chunk_length=SECONDS)(wave.numpy(), sampling_rate=16_000, return_tensors="pt")
    assert torch.allclose(whole, expected["input_features"][0], atol=1e-5)


def test_letters_are_learned_and_the_card_writes_the_same(done: Run, place: Path) -> None:
    from worker.data.speech import plain_words

    folder = done.out / RESULT_FOLDER
    result = done.result.headline
    first = result.samples[0]
    sound = str(place / "data" / str(first["path"]))

    said = fresh_python(f"{_code(folder)}\nprint(transcribe({sound!r}))", folder)

    assert done.losses()[-1] < done.losses()[0] * 0.7
    assert result.metric == "cer"
    assert set(result.values) == {"cer", "wer"}
    assert plain_words(said) == first["predicted"]
    assert first["predicted"]


def test_a_result_can_be_tried_and_writes_the_same(done: Run, place: Path) -> None:
    from worker.contract.predictions import PredictionInput
    from worker.data.speech import plain_words
    from worker.trying.opened import open_model

    first = done.result.headline.samples[0]
    sound = (place / "data" / str(first["path"])).read_bytes()

    answer = open_model(done.out / RESULT_FOLDER, TASK).predict(
        PredictionInput(content=b64encode(sound))
    )

    assert plain_words(answer.text or "") == first["predicted"]
    assert not answer.is_cut


def test_a_result_that_hears_one_second_is_a_base_again(done: Run, tmp_path: Path) -> None:
    (tmp_path / "base").symlink_to(done.out / RESULT_FOLDER)
    (tmp_path / "data").mkdir()
    write_letters(tmp_path / "data", train=4, test=2)

    after = run(tmp_path, _recipe(stage(["head"], max_steps=1)))

    weights = load_file(after.out / RESULT_FOLDER / "model.safetensors")
    assert weights["model.encoder.embed_positions.weight"].shape == (50, 16)


def test_groups_hold_every_parameter_once_and_waves_are_none(place: Path) -> None:
    from worker.contract.bases import PinnedBase
    from worker.modeling.whisper import build_whisper

    plan, _ = plan_of(place, _recipe())
    base: PinnedBase = plan.base.model_copy(update={"weights": "random"})
    network = build_whisper(base, None, 0, 100)

    names = [name for group in network.groups for name in group.names]
    assert sorted(names) == sorted(name for name, _ in network.module.named_parameters())
    assert [group.name for group in network.groups] == [
        *("encoder.stem", "encoder.layer.0", "encoder.layer.1", "encoder.norm"),
        *("decoder.stem", "decoder.layer.0", "decoder.layer.1", "decoder.norm"),
        "head",
    ]
    assert "model.encoder.embed_positions.weight" not in names


def test_only_the_named_blocks_change(place: Path) -> None:
    trained = run(place, _recipe(stage(["decoder.layer.1"], optimizer=FAST)), out="blocks")

    before = load_file(place / "base" / "model.safetensors")
    after = load_file(trained.out / RESULT_FOLDER / "model.safetensors")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith("model.decoder.layers.1.") for name in changed)


def test_a_frozen_encoder_hears_each_recording_once(place: Path) -> None:
    from worker.modeling.whisper import Listener, build_whisper

    plan, places = plan_of(place, _recipe())
    module = build_whisper(plan.base, places.weights, 0, 100).module.requires_grad_(False)
    pictures = torch.randn(3, 80, 200)
    listener = Listener()
    counted: list[int] = []
    encoder = module.get_submodule("model.encoder")
    encoder.register_forward_pre_hook(lambda _, inputs: counted.append(len(inputs[0])))

    first = listener.heard(module, pictures[:2], [0, 1])
    both = listener.heard(module, pictures, [0, 1, 2])
    with torch.no_grad():
        module.get_parameter("model.encoder.conv1.bias").add_(1.0)
    changed = listener.heard(module, pictures[:2], [0, 1])

    assert counted == [2, 1, 2]
    assert torch.equal(first, both[:2])
    assert not torch.allclose(first, changed)


def test_weights_do_not_depend_on_what_was_kept(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen = _recipe(stage(["decoder.layer.*"], epochs=2, optimizer=FAST))
    kept = run(place, frozen, out="kept")
    monkeypatch.setattr("worker.modeling.whisper._KEPT_BYTES", 0)

    computed = run(place, frozen, out="computed")

    one, other = (
        load_file(each.out / RESULT_FOLDER / "model.safetensors") for each in (kept, computed)
    )
    assert all(torch.allclose(one[name], other[name], atol=1e-5) for name in one)


# peft asks transformers for something under its old name.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_an_adapter_is_merged_and_read_by_plain_peft(place: Path) -> None:
    from peft import PeftModel
    from transformers import WhisperForConditionalGeneration

    values = _recipe(
        stage(["adapter"], epochs=2, optimizer=FAST),
        model={"adapter": {"type": "lora", "r": 4, "target_modules": ["q_proj", "v_proj"]}},
        augment={"preset": "specaugment"},
    )
    folder = run(place, values, out="adapter").out / RESULT_FOLDER
    kind: Any = WhisperForConditionalGeneration
    merged = kind.from_pretrained(folder).eval()
    plain = WhisperForConditionalGeneration.from_pretrained(place / "base")
    adapted = PeftModel.from_pretrained(plain, folder / "adapter").eval()
    inputs = {
        "input_features": torch.randn(2, 80, 200),
        "decoder_input_ids": torch.tensor([[257, 261, 3], [257, 261, 9]]),
    }
    with torch.inference_mode():
        difference = (merged(**inputs).logits - adapted(**inputs).logits).abs().max()
    assert float(difference) < 1e-5
    before, after = load_file(place / "base/model.safetensors"), merged.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {name.split(".")[-2] for name in changed} == {"q_proj", "v_proj"}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"sample_rate": 8000}, "RATE_FIXED"),
        ({"max_seconds": 5}, "WINDOW_FIXED"),
        ({"language": "en"}, "LANGUAGE_IDLE"),
    ],
)
def test_what_whisper_cannot_do_is_told_before_it_starts(
    place: Path, data: Values, code: str
) -> None:
    recipe = recipe_from_values(_recipe(data=data))
    answer, _ = prepare(recipe, Search((place,)), None, place / "refused")
    assert [finding.code for finding in answer.errors] == [code]


def test_a_whisper_of_many_languages_is_told_which(place: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer, WhisperForConditionalGeneration

    from worker.data.speech import plain_words

    (tmp_path / "data").symlink_to(place / "data")
    write_whisper_base(tmp_path / "base", many_languages=True)
    asked = recipe_from_values(_recipe())
    answer, _ = prepare(asked, Search((tmp_path,)), None, tmp_path / "refused")

    done = run(tmp_path, _recipe(stage(max_steps=2), data={"language": "zh"}))

    assert [finding.code for finding in answer.errors] == ["LANGUAGE_MISSING"]
    folder = done.out / RESULT_FOLDER
    written = done.result.headline.samples
    kind: Any = WhisperForConditionalGeneration
    model = kind.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    known = tokenizer.get_vocab()
    assert model.generation_config.language == "<|zh|>"
    assert model.generation_config.lang_to_id == {
        name: known[name] for name in ("<|en|>", "<|zh|>")
    }
    for row in written[:2]:
        tokens = model.generate(_heard(tmp_path / "data" / str(row["path"]), folder))
        said = str(tokenizer.decode(tokens[0], skip_special_tokens=True))
        assert plain_words(said) == row["predicted"]


def _heard(path: Path, folder: Path) -> torch.Tensor:
    from transformers import WhisperFeatureExtractor

    from worker.data.mel import read_sound

    extractor = WhisperFeatureExtractor.from_pretrained(folder)
    wave = read_sound(path.read_bytes(), 16_000)
    found = extractor(wave.numpy(), sampling_rate=16_000, return_tensors="pt")
    features: torch.Tensor = found["input_features"]
    return features


def test_a_network_that_does_not_hear_is_refused(place: Path, tmp_path: Path) -> None:
    from tests.worker.language import write_decoder

    (tmp_path / "data").symlink_to(place / "data")
    write_decoder(tmp_path / "base")
    recipe = recipe_from_values(_recipe())
    answer, _ = prepare(recipe, Search((tmp_path,)), None, tmp_path / "run")
    assert [finding.code for finding in answer.errors] == ["SPEECH_BASE_UNFIT"]


def test_a_language_means_nothing_for_classes_of_sound() -> None:
    values = sound_recipe("audio-classification", "tuningfork/audio-cnn", data={"language": "en"})
    with pytest.raises(RecipeError, match=r"data\.language has no effect"):
        recipe_from_values(values)


def test_words_are_compared_without_capitals_and_marks() -> None:
    from worker.data.speech import plain_words

    assert plain_words(" The Cat's \u201cmat\u201d, isn\u2019t it?") == "the cat's mat isn't it"
    assert plain_words("你好，吗？") == "你好 吗"


def test_the_weights_of_another_engine_are_read(place: Path, tmp_path: Path) -> None:
    from worker.starter_whisper import write_whisper

    weights = load_file(place / "base" / "model.safetensors")
    source = tmp_path / "source"
    source.mkdir()
    write_ctranslate2(source / "model.bin", weights)
    (source / "config.json").write_text('{"suppress_ids": [1]}', encoding="utf-8")
    (source / "tokenizer.json").symlink_to(place / "base" / "tokenizer.json")

    write_whisper(source, tmp_path / "whisper")

    found = load_file(tmp_path / "whisper" / "model.safetensors")
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], weights[name].half()) for name in weights)


def test_a_file_that_holds_something_else_is_no_whisper(tmp_path: Path) -> None:
    from worker.contract.failures import RunError
    from worker.starter_whisper import read_ctranslate2

    (tmp_path / "model.bin").write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(RunError, match="no file with the weights of Whisper"):
        read_ctranslate2(tmp_path / "model.bin")
