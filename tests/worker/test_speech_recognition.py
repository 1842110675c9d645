"""Speech: what is said is written down letter by letter, and its errors are counted."""

from pathlib import Path

import pytest
import torch

from tests.worker.builders import fresh_python, run, stage
from tests.worker.sounds import sound_recipe, write_letters, write_tones
from worker.contract.attempt import RESULT_FOLDER


@pytest.mark.parametrize(
    ("said", "written", "edits"),
    [("kitten", "sitting", 3), ("", "abc", 3), ("same", "same", 0), ("你好吗", "你好", 1)],
)
def test_edits_are_counted_as_by_hand(said: str, written: str, edits: int) -> None:
    from worker.evaluation.speech import edit_distance

    assert edit_distance(said, written) == edits


def test_error_rates_equal_those_of_another_library() -> None:
    from torchmetrics.functional.text import char_error_rate, word_error_rate

    from worker.evaluation.speech import error_rate

    said = ["the cat sat", "on a mat", "one"]
    written = ["the hat sat down", "on mat", "one"]

    words = error_rate([text.split() for text in said], [text.split() for text in written])

    assert error_rate(said, written) == pytest.approx(float(char_error_rate(written, said)))
    assert words == pytest.approx(float(word_error_rate(written, said)))


def test_repeats_and_pauses_are_taken_out_of_what_is_written() -> None:
    from worker.evaluation.speech import greedy

    numbers = [0, 1, 1, 0, 1, 2, 2, 0]
    scores = torch.nn.functional.one_hot(torch.tensor(numbers), 3).float()

    assert greedy(scores, "ab") == "aab"


def test_scores_do_not_depend_on_what_a_recording_is_padded_with() -> None:
    from worker.modeling.nets.speech_ctc import SpeechCtc

    torch.manual_seed(1)
    network = SpeechCtc(4, 16, 16).eval()
    short, long = torch.randn(16, 21), torch.randn(16, 40)
    padded = torch.stack([torch.nn.functional.pad(short, (0, 19)), long])

    with torch.no_grad():
        both, lengths = network(padded, torch.tensor([21, 40]))
        alone, _ = network(short[None], torch.tensor([21]))

    assert lengths.tolist() == [11, 20]
    assert torch.allclose(both[0, :11], alone[0], atol=1e-5)


def test_letters_are_learned_and_the_card_writes_the_same(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write_letters(tmp_path / "data")
    values = sound_recipe(
        "automatic-speech-recognition",
        "tuningfork/speech-ctc",
        stage(epochs=3, optimizer={"name": "adamw", "lr": 3e-3}),
        data={"train": {"repo": "data"}, "sample_rate": 8000},
    )

    done = run(tmp_path, values)

    losses = done.losses()
    assert losses[-1] < losses[0]
    result = done.result.headline
    assert result.metric == "cer"
    assert set(result.values) == {"cer", "wer"}
    folder = done.out / RESULT_FOLDER
    code = (folder / "README.md").read_text(encoding="utf-8").split("```python\n")[1]
    first = result.samples[0]
    sound = tmp_path / "data" / str(first["path"])
    said = fresh_python(f"{code.split('```')[0]}\nprint(transcribe({str(sound)!r}))", folder)
    assert said.strip() == first["predicted"]


def test_a_base_keeps_what_it_knows_of_letters_that_it_shares(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    (tmp_path / "data").mkdir()
    write_letters(tmp_path / "data", train=6)
    first = sound_recipe(
        "automatic-speech-recognition",
        "tuningfork/speech-ctc",
        data={"train": {"repo": "data"}, "sample_rate": 8000},
    )
    before = run(tmp_path, first)
    (tmp_path / "base").symlink_to(before.out / RESULT_FOLDER)
    frozen = stage(["layers.1"], max_steps=1, optimizer={"lr": 1e-6})
    values = sound_recipe("automatic-speech-recognition", "base", frozen)
    values["model"] = {"base": {"repo": "base"}}

    after = run(tmp_path, values, weights=tmp_path / "base" / "model.safetensors", out="second")

    old = load_file(tmp_path / "base" / "model.safetensors")["head.weight"]
    new = load_file(after.out / RESULT_FOLDER / "model.safetensors")["head.weight"]
    assert torch.equal(old, new)


def test_classes_without_transcripts_cannot_be_written_down(tmp_path: Path) -> None:
    from worker.alone import Search, prepare
    from worker.contract.recipe_text import recipe_from_values

    write_tones(tmp_path / "data", train=3, test=2)
    values = sound_recipe("automatic-speech-recognition", "tuningfork/speech-ctc")

    answer, _ = prepare(recipe_from_values(values), Search((tmp_path,)), None, tmp_path / "run")

    assert [finding.code for finding in answer.errors] == ["DATA_UNFIT"]
