"""Models tried on one input say what the evaluation of their run said of it."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.worker.builders import Run, Values, run, stage
from tests.worker.language import (
    BAD,
    GOOD,
    run_text,
    text_recipe,
    write_decoder,
    write_encoder,
    write_reviews,
)
from tests.worker.shapes import write_boxes, write_masks
from tests.worker.sounds import sound_recipe, write_tones
from tests.worker.test_dense import values_of
from tests.worker.test_question_answering import CITIES, PEOPLE
from tests.worker.test_question_answering import _write as write_questions
from tests.worker.test_text_generation import _write as write_orders
from tests.worker.test_token_classification import _sentence
from tests.worker.test_token_classification import _write as write_sentences
from worker.contract.failures import RunError
from worker.contract.predictions import PredictionInput
from worker.trying.opened import InputError, Opened, open_model

FAST: Values = {"name": "adam", "lr": 0.01}
ADAM: Values = {"name": "adamw", "lr": 3e-3}


def opened(done: Run) -> Opened:
    return open_model(done.out / "out/result", done.plan.recipe.task)


def given(text: str = "", content: bytes | None = None, question: str = "") -> PredictionInput:
    return PredictionInput.model_construct(text=text, content=content, question=question)


def test_a_text_gets_the_class_that_the_test_gave_it(tmp_path: Path) -> None:
    write_encoder(tmp_path / "base", [*GOOD, *BAD])
    write_reviews(tmp_path / "data")
    done = run_text(tmp_path, text_recipe("text-classification", stage(epochs=8, optimizer=FAST)))
    model = opened(done)
    rows = (tmp_path / "data/test.csv").read_text(encoding="utf-8").splitlines()[1:]
    hits = 0
    for row in rows:
        text, label = row.split(",")
        hits += model.predict(given(text=text)).scores[0].label == label

    assert hits / len(rows) == pytest.approx(done.result.headline.value)
    with pytest.raises(InputError, match="Write a text"):
        model.predict(given(text="  "))


def test_names_are_found_where_they_stand_in_the_text(tmp_path: Path) -> None:
    write_encoder(tmp_path / "base", ["anna peter lives in berlin paris", "m r i a v o l n s c e"])
    (tmp_path / "data").mkdir()
    for split, count in (("train", 24), ("test", 8)):
        sentences = [[(f"{split}{n}", "O"), *_sentence(n)] for n in range(count)]
        write_sentences(tmp_path / f"data/{split}.conll", sentences)
    done = run_text(tmp_path, text_recipe("token-classification", stage(epochs=12, optimizer=FAST)))
    model = opened(done)
    for number in range(4):
        words = _sentence(number)
        text = " ".join([f"test{number}", *(word for word, _ in words)])
        true = {word for word, tag in words if tag.startswith("B-")}
        found = model.predict(given(text=text)).spans
        assert {span.text.split()[0] for span in found} == true
        assert all(text[span.start : span.end] == span.text for span in found)


def test_an_answer_is_the_one_that_the_run_wrote(tmp_path: Path) -> None:
    write_decoder(tmp_path / "base")
    write_orders(tmp_path / "data")
    done = run_text(tmp_path, text_recipe("text-generation", stage(epochs=10, optimizer=FAST)))
    model = opened(done)
    for sample in done.result.headline.samples:
        assert model.predict(given(text=str(sample["prompt"]))).text == sample["found"]


def test_an_answer_to_a_question_is_the_one_of_the_test(tmp_path: Path) -> None:
    words = " ".join([*PEOPLE, *CITIES, "note says lives works in today where"])
    write_encoder(tmp_path / "base", [words, " ".join(map(str, range(10)))])
    write_questions(tmp_path / "data")
    done = run_text(tmp_path, text_recipe("question-answering", stage(epochs=15, optimizer=FAST)))
    model = opened(done)
    texts = json.loads((tmp_path / "data/test.json").read_text(encoding="utf-8"))
    paragraphs = texts["data"][0]["paragraphs"]
    found = {
        one["qas"][0]["question"]: model.predict(
            given(text=one["context"], question=one["qas"][0]["question"])
        ).text
        for one in paragraphs
    }

    samples = done.result.headline.samples
    # A question is asked of several texts; those of which the run shows one answer are compared.
    asked = Counter(one["qas"][0]["question"] for one in paragraphs)
    alone = [sample for sample in samples if asked[str(sample["question"])] == 1]
    assert [found[str(sample["question"])] for sample in alone] == [s["found"] for s in alone]
    assert all(found.values())


def test_masks_are_filled_in(tmp_path: Path) -> None:
    write_encoder(tmp_path / "base", [*GOOD, *BAD])
    write_reviews(tmp_path / "data")
    made = run_text(tmp_path, text_recipe("fill-mask", stage(epochs=2, optimizer=FAST)))
    model = opened(made)

    found = model.predict(given(text="a fine [MASK] with warm and clever acting"))

    assert len(found.scores) == 5
    assert found.text is not None
    assert "[MASK]" not in found.text
    assert found.text.startswith("a fine ")
    with pytest.raises(InputError, match="MASK"):
        model.predict(given(text="nothing is hidden here"))


def test_a_recording_gets_the_class_that_the_test_gave_it(tmp_path: Path) -> None:
    write_tones(tmp_path / "data")
    values = sound_recipe("audio-classification", "tuningfork/audio-cnn", stage(optimizer=ADAM))
    done = run(tmp_path, values)
    model = opened(done)
    files = sorted((tmp_path / "data/test").rglob("*.wav"))
    found = [model.predict(given(content=file.read_bytes())).scores[0].label for file in files]
    hits = sum(label == file.parent.name for label, file in zip(found, files, strict=True))

    assert hits / len(files) == pytest.approx(done.result.splits["test"].value)
    with pytest.raises(InputError, match="recording"):
        model.predict(given(content=b"no sound at all"))


def test_boxes_are_those_of_the_run(tmp_path: Path) -> None:
    write_boxes(tmp_path / "data", train=8, val=4, side=32)
    done = run(tmp_path, values_of("object-detection", stage(epochs=12, optimizer=ADAM)))
    model = opened(done)
    for sample in done.result.headline.samples:
        content = (tmp_path / "data" / str(sample["path"])).read_bytes()
        found = model.predict(given(content=content))
        assert len(found.boxes) == len(sample["predicted"])  # type: ignore[arg-type] # a list
        assert (found.width, found.height) == (sample["width"], sample["height"])


def test_the_parts_of_a_picture_add_up(tmp_path: Path) -> None:
    write_masks(tmp_path / "data", train=8, val=4, side=32)
    model = opened(run(tmp_path, values_of("image-segmentation", stage(optimizer=ADAM))))
    picture = next(path for path in sorted((tmp_path / "data").rglob("*.png")))

    scores = model.predict(given(content=picture.read_bytes())).scores

    assert sum(one.score for one in scores) == pytest.approx(1)


def test_a_base_without_the_layers_of_the_task_is_refused(tmp_path: Path) -> None:
    write_encoder(tmp_path / "base", GOOD)

    with pytest.raises(RunError, match="layers for this task"):
        open_model(tmp_path / "base", "question-answering")


def test_files_that_describe_no_network_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architecture": "timm/no_such_network"}')

    with pytest.raises(RunError):
        open_model(tmp_path, "image-classification")
