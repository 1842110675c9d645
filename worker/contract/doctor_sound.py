"""The doctor's rules about recipes for recordings, for recommendations and for agents."""

from collections import Counter

from worker.contract.findings import Finding, found
from worker.contract.recipe import Recipe
from worker.contract.sounds import MAX_SECONDS
from worker.contract.splits import Splits

# Nobody speaks more characters a second; the network has as many places for them.
_CHARACTERS_PER_SECOND = 50
_DEFAULT_RATE = 16_000
_FEWEST_OTHERS = 64
_FEWEST_STEPS = 256


def check_sounds(recipe: Recipe, splits: Splits) -> list[Finding]:
    """Return advice on a recipe for the recordings it will hear."""
    findings = []
    if recipe.task == "automatic-speech-recognition":
        findings += _about_transcripts(recipe, splits)
    rates = Counter(fact.mode.removesuffix(" Hz") for fact in splits.train if fact.seconds)
    usual = rates.most_common(1)[0][0] if rates else ""
    wanted = recipe.data.sample_rate or _DEFAULT_RATE
    if usual.isdigit() and int(usual) < wanted:
        findings.append(found("RATE_RAISED", rate=int(usual), wanted=wanted))
    return findings


def _about_transcripts(recipe: Recipe, splits: Splits) -> list[Finding]:
    findings = []
    limit = recipe.data.max_seconds or MAX_SECONDS
    known = [fact for facts in splits.named().values() for fact in facts if fact.seconds]
    long = [fact.key for fact in known if fact.length > fact.seconds * _CHARACTERS_PER_SECOND]
    if long:
        findings.append(found("TRANSCRIPT_TOO_LONG", long, first=long[0]))
    cut = [fact.key for fact in known if fact.seconds > limit]
    if cut:
        findings.append(found("SPEECH_CUT", cut, seconds=limit, first=cut[0]))
    return findings


def check_choices(recipe: Recipe) -> list[Finding]:
    """Return advice on a recipe that learns what users choose."""
    size = recipe.train.usual_batch
    return [found("FEW_OTHERS", batch_size=size)] if size < _FEWEST_OTHERS else []


def check_agent(recipe: Recipe) -> list[Finding]:
    """Return advice on a recipe for an agent."""
    findings = []
    size = recipe.train.usual_batch
    if size < _FEWEST_STEPS:
        findings.append(found("FEW_ROLLOUT_STEPS", batch_size=size))
    pretrained = recipe.model.base.weights == "pretrained"
    if pretrained and recipe.env is not None and recipe.env.shift:
        first = recipe.stages[0].train
        if first == "all" or "value_head" not in first or len(first) > 1:
            findings.append(found("VALUE_HEAD_UNREADY"))
    return findings
