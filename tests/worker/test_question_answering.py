import json
from pathlib import Path

import pytest

from tests.worker.builders import Run, Values, stage
from tests.worker.language import log_lines, run_text, text_recipe, write_encoder
from worker.evaluation.answers import f1_of, is_exact

FAST: Values = {"name": "adam", "lr": 0.01}
PEOPLE = ("anna", "peter", "lena", "oskar", "marie", "jonas")
CITIES = ("berlin", "paris", "lima", "oslo", "rome", "delhi")


# Worked out by hand from the definition of SQuAD; of Chinese each character is a word.
@pytest.mark.parametrize(
    ("answer", "right", "exact", "f1"),
    [
        ("Denver Broncos", "Denver Broncos", True, 1.0),
        ("the Denver Broncos!", "denver broncos", True, 1.0),
        ("Broncos", "Denver Broncos", False, 2 / 3),
        ("a cat sat on a mat", "the cat sat", False, 2 * 2 / (4 + 2)),
        ("in 1999", "1999", False, 2 / 3),
        ("Santa Clara, California", "Levi's Stadium", False, 0.0),
        ("", "", True, 1.0),
        ("something", "", False, 0.0),
        ("北京大学", "北京", False, 2 * 2 / (4 + 2)),
        ("《北京》。", "北京", True, 1.0),
        ("308 分", "308分", False, 1.0),
        ("to be to be", "to be", False, 2 * 2 / (4 + 2)),
    ],
)
def test_answers_are_measured_as_squad_does(
    answer: str,
    right: str,
    exact: bool,
    f1: float,
) -> None:
    assert is_exact(answer, right) is exact
    assert f1_of(answer, right) == pytest.approx(f1)


def _question(person: str, city: str, number: int, *, known: bool = True) -> Values:
    context = f"note {number} says {person} lives in {city} today"
    answers: list[Values] = [{"text": city, "answer_start": context.index(city)}] if known else []
    asked = f"where lives {person}" if known else f"where works {person}"
    question: Values = {"id": f"q{number}", "question": asked, "answers": answers}  # type: ignore[dict-item] # a list of plain values
    return {"context": context, "qas": [question]}


def _write(folder: Path, *, no_answers: bool = False) -> None:
    folder.mkdir()
    rows = [(p, c) for p in PEOPLE for c in CITIES]
    rows = rows[::2] + rows[1::2]
    for split, part in (("train", rows[:28]), ("test", rows[28:])):
        paragraphs = [
            _question(p, c, number, known=not (no_answers and number % 2))
            for number, (p, c) in enumerate(part)
        ]
        data = {"version": "1.1", "data": [{"title": split, "paragraphs": paragraphs}]}
        (folder / f"{split}.json").write_text(json.dumps(data), encoding="utf-8")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a tiny BERT and questions about who lives where."""
    folder = tmp_path_factory.mktemp("questions")
    others = "note says lives works in today where"
    words = " ".join([*PEOPLE, *CITIES, others])
    write_encoder(folder / "base", [words, " ".join(map(str, range(10)))])
    _write(folder / "data")
    return folder


@pytest.fixture(scope="module")
def done(place: Path) -> Run:
    """Return a run that learned to find the city."""
    return run_text(place, text_recipe("question-answering", stage(epochs=15, optimizer=FAST)))


def test_the_answer_is_found_in_the_text(done: Run) -> None:
    measured = done.result.headline
    assert measured.metric == "f1_answer"
    assert measured.values["exact_match"] > 0.8
    assert measured.size == 8
    assert {"question", "found", "true"} == set(measured.samples[0])


def test_a_text_is_read_in_windows_that_overlap(place: Path) -> None:
    values = text_recipe("question-answering", data={"max_length": 12, "stride": 3})
    lines = log_lines(run_text(place, values, out="windows"))
    assert any("test: 8 questions are read in 16 windows of 12 tokens" in line for line in lines)


def test_plain_transformers_reads_the_result(done: Run) -> None:
    import torch
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    folder = done.out / "out/result"
    model = AutoModelForQuestionAnswering.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    context = "note 7 says lena lives in oslo today"
    inputs = tokenizer("where lives lena", context, return_tensors="pt")
    with torch.inference_mode():
        found = model(**inputs)
    first, last = int(found.start_logits.argmax()), int(found.end_logits.argmax())
    assert tokenizer.decode(inputs["input_ids"][0, first : last + 1]) == "oslo"


def test_a_question_may_have_no_answer(place: Path, tmp_path: Path) -> None:
    (tmp_path / "base").symlink_to(place / "base")
    _write(tmp_path / "data", no_answers=True)
    values = text_recipe("question-answering", stage(epochs=25, optimizer=FAST))
    run = run_text(tmp_path, values)
    samples = run.result.headline.samples
    assert any(sample["true"] == [""] and sample["found"] == "" for sample in samples)
    assert run.result.headline.values["exact_match"] > 0.6
