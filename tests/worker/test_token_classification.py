import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.worker.builders import Run, Values, stage
from tests.worker.language import run_text, text_recipe, write_encoder
from worker.alone import Search, prepare
from worker.contract.formats.tags import as_bio, scheme_of
from worker.contract.recipe_text import recipe_from_values
from worker.evaluation.spans import Counts, Span, scores, spans_of

FAST: Values = {"name": "adam", "lr": 0.01}
NAMES = ("anna", "maria", "peter", "ivanov")
PLACES = ("berlin", "paris", "lima")


def _sentence(number: int) -> list[tuple[str, str]]:
    name, place = NAMES[number % len(NAMES)], PLACES[number % len(PLACES)]
    first = [(name, "B-PER")] + [("ivanov", "I-PER")] * (number % 2)
    return [*first, ("lives", "O"), ("in", "O"), (place, "B-LOC"), ("since", "O")]


def _write(path: Path, sentences: Sequence[Sequence[tuple[str, str]]]) -> None:
    blocks = ("\n".join(f"{word}\t{tag}" for word, tag in sentence) for sentence in sentences)
    path.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a tiny BERT, which knows some words only in parts, and sentences."""
    folder = tmp_path_factory.mktemp("tags")
    write_encoder(folder / "base", ["anna peter lives in berlin paris", "m r i a v o l n s c e m"])
    (folder / "data").mkdir()
    _write(folder / "data/train.conll", [[(f"x{n}", "O"), *_sentence(n)] for n in range(24)])
    _write(folder / "data/test.conll", [[(f"y{n}", "O"), *_sentence(n)] for n in range(8)])
    return folder


@pytest.fixture(scope="module")
def done(place: Path) -> Run:
    """Return a run that learned to find the names."""
    return run_text(place, text_recipe("token-classification", stage(epochs=12, optimizer=FAST)))


def test_a_tag_that_occurs_once_is_a_warning_and_no_error(place: Path, tmp_path: Path) -> None:
    folder = tmp_path / "rare"
    shutil.copytree(place / "base", folder / "base")
    (folder / "data").mkdir()
    rare = [("nordwind", "B-ORG"), ("sails", "O")]
    common = [[(f"x{n}", "O"), *_sentence(n)] for n in range(24)]
    _write(folder / "data/train.conll", [*common, rare])
    shutil.copy(place / "data/test.conll", folder / "data/test.conll")
    recipe = recipe_from_values(text_recipe("token-classification", stage(epochs=1)))

    answer, _ = prepare(recipe, Search((folder,)), None, folder / "run")

    assert "KIND_RARE" in {finding.code for finding in answer.findings}
    assert answer.plan is not None


def test_names_and_places_are_found(done: Run) -> None:
    measured = done.result.headline
    assert measured.metric == "f1_span"
    assert measured.value > 0.9
    assert [row.label for row in measured.per_class] == ["LOC", "PER"]
    assert measured.low is not None
    assert measured.low <= measured.value


def test_plain_transformers_finds_the_same_spans(done: Run, place: Path) -> None:
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    folder = done.out / "out/result"
    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    right = found = true = 0
    for number in range(8):
        words = [f"y{number}", *(word for word, _ in _sentence(number))]
        inputs = tokenizer(words, is_split_into_words=True, return_tensors="pt")
        with torch.inference_mode():
            best = model(**inputs).logits[0].argmax(-1).tolist()
        tags: dict[int, str] = {}
        for token, word in enumerate(inputs.word_ids(0)):
            if word is not None:
                tags.setdefault(word, model.config.id2label[best[token]])
        ours = set(spans_of([tags[word] for word in range(len(words))]))
        theirs = set(spans_of(["O", *(tag for _, tag in _sentence(number))]))
        right, found, true = right + len(ours & theirs), found + len(ours), true + len(theirs)
    assert scores(Counts(right, found, true))[2] == pytest.approx(done.result.headline.value)


def test_parts_of_words_have_no_tag(place: Path) -> None:
    from worker.contract.items import Item
    from worker.data.tagged import encode_tagged
    from worker.data.texts import load_tokenizer

    tokenizer = load_tokenizer(place / "base")
    row = Item("a", values={"tokens": ["anna", "maria", "lives"], "tags": ["O", "O", "O"]})
    encoded, [firsts] = encode_tagged(tokenizer, [row], 64)
    pieces = tokenizer.convert_ids_to_tokens(encoded.tokens[0].tolist())
    assert pieces == ["[CLS]", "anna", "m", "##a", "##r", "##i", "##a", "lives", "[SEP]"]
    assert firsts == [(1, 0), (2, 1), (7, 2)]


def test_words_that_are_cut_off_count_as_missed(place: Path) -> None:
    values = text_recipe(
        "token-classification", stage(epochs=12, optimizer=FAST), data={"max_length": 5}
    )
    assert run_text(place, values, out="cut").result.headline.values["recall_span"] < 0.7


@pytest.mark.parametrize(
    "tags",
    [
        ["B-PER", "I-PER", "O", "B-LOC"],
        ["B-PER", "E-PER", "O", "S-LOC"],
        ["B-PER", "L-PER", "O", "U-LOC"],
        ["I-PER", "I-PER", "O", "I-LOC"],
    ],
    ids=["BIO", "BIOES", "BILOU", "IO"],
)
def test_every_scheme_names_the_same_spans(tags: list[str]) -> None:
    plain, _, unknown = as_bio(tags, scheme_of(tags))
    assert spans_of(plain) == [Span("PER", 0, 2), Span("LOC", 3, 4)]
    assert not unknown


@pytest.mark.parametrize(
    ("found", "true", "expected"),
    [
        (["B-A", "I-A", "O"], ["B-A", "I-A", "O"], (1, 1, 1)),
        (["B-A", "O", "O"], ["B-A", "I-A", "O"], (0, 1, 1)),
        (["B-B", "I-B", "O"], ["B-A", "I-A", "O"], (0, 1, 1)),
        (["I-A", "I-A", "O"], ["B-A", "I-A", "O"], (1, 1, 1)),
        (["B-A", "B-A", "O"], ["B-A", "I-A", "O"], (0, 2, 1)),
        (["O", "O", "O"], ["B-A", "O", "B-B"], (0, 0, 2)),
        (["B-A", "I-B", "O"], ["B-A", "B-B", "O"], (2, 2, 2)),
        (["NOUN", "VERB", "O"], ["NOUN", "NOUN", "O"], (1, 2, 2)),
    ],
)
def test_a_span_counts_when_kind_and_ends_are_right(
    found: list[str], true: list[str], expected: tuple[int, int, int]
) -> None:
    ours, theirs = set(spans_of(found)), set(spans_of(true))
    assert (len(ours & theirs), len(ours), len(theirs)) == expected


def test_two_right_of_three_found_and_four_true() -> None:
    assert scores(Counts(2, 3, 4)) == pytest.approx((2 / 3, 1 / 2, 4 / 7))
