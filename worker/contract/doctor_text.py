"""The doctor's rules about recipes for texts: what is cut, and what cannot be learned."""

from worker.contract.findings import Finding, found
from worker.contract.inventory import FileFact
from worker.contract.recipe import Recipe
from worker.contract.splits import Splits

# Longer than this many characters a token is on average in no language that is common: a text
# that is longer than so many characters a token is cut for certain.
_MOST_CHARACTERS = 6
_NOTABLE_SHARE = 0.02
_USUAL_LENGTH = 512
# Tokens of a batch, padding included, that fit where memory is not scarce.
_MANY_TOKENS = 64 * 1024
# [CLS] and [SEP], or their like.
_SPECIAL = 2


def check_texts(recipe: Recipe, splits: Splits) -> list[Finding]:
    """Return advice on a recipe for the texts it will see."""
    length = recipe.data.max_length or _USUAL_LENGTH
    findings = _about_batches(recipe, length)
    if recipe.task == "token-classification":
        findings += _about_sentences(splits, length)
    elif recipe.task == "question-answering":
        findings += _about_windows(recipe, length)
    elif recipe.task in {"text-classification", "text-generation"}:
        findings += _about_cuts(splits, length)
    return findings


def _about_batches(recipe: Recipe, length: int) -> list[Finding]:
    size = recipe.train.usual_batch
    if size * length <= _MANY_TOKENS or recipe.data.max_length is None:
        return []
    return [found("BATCH_TOO_LARGE_FOR_TEXTS", batch_size=size, max_length=length)]


def _about_sentences(splits: Splits, length: int) -> list[Finding]:
    findings = []
    if not any(set(fact.labels) - {"O"} for fact in splits.train):
        findings.append(found("NO_TAGS"))
    cut = [fact.key for fact in splits.train if fact.length > length - _SPECIAL]
    if cut:
        findings.append(found("SENTENCES_CUT", cut, max_length=length))
    return findings


def _about_windows(recipe: Recipe, length: int) -> list[Finding]:
    stride = recipe.data.stride
    if stride is None or stride * 2 <= length:
        return []
    return [found("STRIDE_TOO_LONG", stride=stride, max_length=length)]


def _about_cuts(splits: Splits, length: int) -> list[Finding]:
    cut = [fact for fact in splits.train if _is_cut(fact, length)]
    share = len(cut) / max(1, len(splits.train))
    if share < _NOTABLE_SHARE:
        return []
    keys = [fact.key for fact in cut]
    return [found("TEXTS_CUT", keys, share=round(100 * share, 1), max_length=length)]


def _is_cut(fact: FileFact, length: int) -> bool:
    return fact.length > length * _MOST_CHARACTERS
