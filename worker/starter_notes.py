"""Short notes to a help desk in four unequal kinds: a starter data set of texts, made by rule.

Nobody wrote these notes: each is a sentence from a list with a thing and a moment put in. The
sentences of the test split are others than those of training, so counting words learns little and
knowing what words mean helps. The same numbers come out on every machine.
"""

import csv
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

_SEED = 20
NUM_TRAIN = {"question": 300, "fault": 120, "wish": 40, "thanks": 20}
NUM_TEST = {"question": 80, "fault": 40, "wish": 20, "thanks": 20}

_THINGS = (
    "the data set page", "my second run", "the confusion matrix", "the model card", "the YAML form",
    "the download button", "the learning-rate plot", "the text classifier", "the image folder",
    "the queue", "the search box", "the checkpoint list", "the login page", "the upload",
    "the Chinese version", "the small network", "the test split", "the table of measures",
    "the notebook", "the dark theme",
)  # fmt: skip
_MOMENTS = (
    "", "", "", "since yesterday, ", "on my laptop, ", "in our class, ", "after lunch, ",
    "as a beginner, ", "for the third time, ", "with two colleagues, ", "on a slow line, ",
    "before the deadline, ",
)  # fmt: skip
_TRAIN: dict[str, tuple[str, ...]] = {
    "question": (
        "how do I open {thing}?", "where can I find {thing}?", "what does {thing} tell me?",
        "is there a guide that explains {thing}?", "which setting changes {thing}?",
        "do I need an account to use {thing}?", "how long does {thing} usually take?",
        "can somebody explain {thing} to me?", "who may see {thing}?",
        "what is the difference between {thing} and {other}?",
        "should I look at {thing} first or at {other}?", "am I supposed to fill in {thing} myself?",
        "in which order do I go through {thing} and {other}?",
        "may I share {thing} with my students?",
    ),
    "fault": (
        "{thing} shows an error and stops.", "{thing} does not load any more.",
        "{thing} crashed while I was using {other}.", "{thing} stays empty whatever I do.",
        "I get a red message from {thing}.", "{thing} is broken again.",
        "{thing} gives wrong numbers.", "nothing happens when I press {thing}.",
        "{thing} failed twice and lost my work.", "{thing} hangs at ninety per cent.",
    ),
    "wish": (
        "it would be nice if {thing} had a filter.", "please add a button for {thing}.",
        "I suggest that {thing} remembers what I chose.", "an export of {thing} would help us.",
        "could you support larger files in {thing} one day?", "my wish: {thing} beside {other}.",
    ),
    "thanks": (
        "thank you, {thing} works very well.", "great job with {thing}!",
        "I love {thing}, well done.", "{thing} saved me a whole day, thanks a lot.",
    ),
}  # fmt: skip
_TEST: dict[str, tuple[str, ...]] = {
    "question": (
        "I am looking for {thing}, where did you put it?", "why is {thing} on another page?",
        "what happens to {thing} once I leave?", "does {thing} cost anything?",
        "when will I see {thing}?", "I do not understand {thing}, any hints?",
        "is it safe to change {thing} now?", "how many people can work on {thing} at once?",
    ),
    "fault": (
        "{thing} keeps freezing.", "{thing} threw an exception.",
        "{thing} vanished after the update.", "I cannot get past {thing}, it refuses everything.",
        "{thing} and {other} contradict each other.", "{thing} has been down for an hour.",
    ),
    "wish": (
        "we miss a shortcut for {thing}.", "have you considered sorting {thing} by date?",
        "{thing} deserves a preview.", "a feature request: let us rename {thing}.",
    ),
    "thanks": (
        "{thing} is a pleasure to use.", "what a relief, {thing} is excellent.",
        "kudos to whoever made {thing}.", "I am impressed by {thing}.",
    ),
}  # fmt: skip


def write_notes(folder: Path) -> int:
    """Write `train.csv` and `test.csv` with the columns text and label; return how many rows."""
    numbers = random.Random(_SEED)
    rows = 0
    seen: set[str] = set()
    folder.mkdir(parents=True, exist_ok=True)
    for split, counts, sentences in (("train", NUM_TRAIN, _TRAIN), ("test", NUM_TEST, _TEST)):
        notes = [
            (text, label)
            for label, count in counts.items()
            for text in _notes(sentences[label], count, numbers, seen)
        ]
        numbers.shuffle(notes)
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["text", "label"])
            writer.writerows(notes)
        rows += len(notes)
    return rows


def _notes(
    sentences: Sequence[str], count: int, numbers: random.Random, seen: set[str]
) -> Iterator[str]:
    """Yield notes that were not written before, the sentences in turn."""
    made = 0
    while made < count:
        thing, other = numbers.sample(_THINGS, 2)
        sentence = sentences[made % len(sentences)].format(thing=thing, other=other)
        note = numbers.choice(_MOMENTS) + sentence
        note = note[0].upper() + note[1:]
        if note not in seen:
            seen.add(note)
            made += 1
            yield note
