"""Collect the sentences a person sees and keep the catalogues in `locale/` complete.

One catalogue a feature and language: `locale/zh_CN/hub.po` holds what `app/hub` and
`templates/hub` say. `python -m tools.messages` adds new sentences and drops unused ones;
`--check` changes nothing and fails when a sentence is missing, unused or not translated.
"""

import argparse
import re
import sys
from collections import defaultdict
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from app.jobs.pages.recipe_form import offered_help
from worker.contract.failures import EXPLANATIONS
from worker.contract.findings import RULES
from worker.contract.presets import PRESETS
from worker.contract.tasks import MEASURES, TASKS

ROOT = Path(__file__).resolve().parent.parent
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
TRANSLATED = ("zh_CN", "en")
Messages = dict[tuple[str, ...], None]


def domain_of(path: Path) -> str:
    """Return the catalogue a file's sentences belong to: its feature, or `base`."""
    parts = path.relative_to(ROOT).parts
    if parts[0] == "worker":
        return "worker"
    known = parts[1] if len(parts) > 2 else "base"  # noqa: PLR2004  # app/FEATURE/file
    return "base" if known in {"core", "macros", "partials", "errors", "embedded"} else known


def contract_messages() -> Messages:
    """Return what the contract says in tables rather than in calls: findings, failures, presets."""
    sentences = [text for rule in RULES.values() for text in (rule.message, rule.fix)]
    sentences += [text for explanation in EXPLANATIONS.values() for text in explanation]
    sentences += [text for preset in PRESETS for text in (preset.title, preset.summary)]
    sentences += [measure.title for measure in MEASURES.values()]
    sentences += [spec.title for spec in TASKS.values()]
    return {(text,): None for text in sentences if re.search("[a-z] ?[a-z]", text)}


def extract() -> dict[str, Messages]:
    """Return the sentences of each catalogue, in the order they appear."""
    found: dict[str, Messages] = defaultdict(dict)
    for folder, method, pattern in (
        ("app", "python", "*.py"),
        ("worker", "python", "*.py"),
        ("templates", "jinja2.ext:babel_extract", "*.html"),
        ("templates", "jinja2.ext:babel_extract", "*.txt"),
    ):
        for path in sorted((ROOT / folder).rglob(pattern)):
            options = {"extensions": "jinja2.ext.i18n,jinja2.ext.do", "trimmed": "true"}
            for _line, message, _comments, _context in extract_from_file(
                method, str(path), keywords=KEYWORDS, options={} if method == "python" else options
            ):
                key = (message,) if isinstance(message, str) else tuple(m for m in message if m)
                if key and key[0]:
                    found[domain_of(path)][key] = None
    found["worker"].update(contract_messages())
    found["jobs"].update({(text,): None for text in offered_help()})
    return found


def catalogue(language: str, domain: str) -> Path:
    """Return the file of one catalogue."""
    return ROOT / "locale" / language / f"{domain}.po"


def read(language: str, domain: str) -> Catalog:
    """Return a catalogue as it stands; an empty one when there is no file."""
    path = catalogue(language, domain)
    if not path.is_file():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def merged(language: str, domain: str, messages: Messages) -> Catalog:
    """Return the catalogue with exactly `messages`, keeping every translation there is."""
    old = read(language, domain)
    new = Catalog(locale=language, project="Tuningfork", fuzzy=False)
    for key in messages:
        known = old.get(key[0])
        text = known.string if known else ""
        if language == "en":  # the sentences in the code are the English ones
            text = key if len(key) > 1 else key[0]
        new.add(key if len(key) > 1 else key[0], string=text)
    return new


def problems() -> list[str]:
    """Return a sentence for each message that is missing, unused or not translated."""
    found = []
    for domain, messages in extract().items():
        for language in TRANSLATED:
            have = {m.id: m.string for m in read(language, domain) if m.id}
            want = {key if len(key) > 1 else key[0] for key in messages}
            name = f"locale/{language}/{domain}.po"
            found += [f"{name}: no entry for {message!r}" for message in want - have.keys()]
            found += [f"{name}: not used any more: {message!r}" for message in have.keys() - want]
            found += [
                f"{name}: not translated: {message!r}"
                for message in want & have.keys()
                if not have[message] or not all(have[message])
            ]
    return sorted(found)


def write(only: list[str]) -> None:
    """Write the catalogues of the domains in `only` anew; every one when it is empty."""
    for domain, messages in extract().items():
        if only and domain not in only:
            continue
        for language in TRANSLATED:
            path = catalogue(language, domain)
            path.parent.mkdir(parents=True, exist_ok=True)
            # Before the file is opened, which empties it: the translations are read from it.
            catalog = merged(language, domain, messages)
            with path.open("wb") as file:
                write_po(
                    file,
                    catalog,
                    width=0,
                    omit_header=True,
                    no_location=True,
                )


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail on gaps")
    parser.add_argument("domain", nargs="*", help="write only these catalogues")
    arguments = parser.parse_args()
    if arguments.check:
        found = problems()
        print("\n".join(found))
        sys.exit(1 if found else 0)
    write(arguments.domain)


if __name__ == "__main__":
    main()
