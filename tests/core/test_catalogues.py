"""The catalogues of all features are read as one: a sentence cannot mean two things."""

from collections import defaultdict

from babel.messages.pofile import read_po

from app.core.files import resource_dir


def test_a_sentence_is_translated_alike_in_every_catalogue() -> None:
    found: dict[object, set[object]] = defaultdict(set)
    for path in sorted((resource_dir("locale") / "zh_CN").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="zh_CN"):
                key = message.id if isinstance(message.id, str) else tuple(message.id)
                words = message.string if isinstance(message.string, str) else message.string[0]
                found[key].add(words)
    # Where two meanings share an English word, choose another word for one of them.
    assert {key: words for key, words in found.items() if len(words) > 1} == {}
