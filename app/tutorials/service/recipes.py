"""The recipes in a text: each a fenced block of YAML, perhaps with a claim of what it comes to.

A claim stands in the first line of the fence, or in a comment that begins the recipe:

    ```recipe claim="accuracy 0.93 ± 0.01"
    # claim: accuracy 93 % ± 1 %
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Protocol

from app.core.errors import AppError, Detail, InvalidError
from app.core.i18n import _
from app.core.markdown import render_slotted
from app.core.markdown_fences import Fence
from app.jobs.service.examination import Examined, read_recipe
from app.jobs.service.submission import require_plan
from app.tutorials.schemas import Claim, RecipeBlock
from worker.contract.base import canonical_json
from worker.contract.recipe import Recipe
from worker.contract.tasks import MEASURES, TASKS

LANGUAGE = "recipe"
MOST_RECIPES = 10
_NUMBER = r"([-+]?\d+(?:\.\d+)?)\s*(%?)"
_CLAIM = re.compile(rf"([a-z0-9_]{{1,40}})\s+{_NUMBER}\s*(?:±|\+/?-)\s*{_NUMBER}")
_COMMENT = re.compile(r"#\s*claim:(.*)")
_HUNDRED = 100.0


class Examiner(Protocol):
    """Who pins and checks a recipe: the doctor of the jobs."""

    async def examine(self, recipe: Recipe) -> Examined:
        """Return what speaks for and against a recipe."""
        ...


@dataclass(frozen=True)
class _Read:
    block: RecipeBlock
    recipe: Recipe


def blocks_of(body: str) -> list[RecipeBlock]:
    """Return the recipes of a published text, in order.

    What was published has been checked, but a later engine may understand less: such a recipe
    stays readable and says so.
    """
    found = []
    for number, fence in enumerate(render_slotted(body, LANGUAGE).fences, start=1):
        try:
            found.append(_block(number, fence).block)
        except AppError as error:
            details = [detail.message for detail in error.details]
            found.append(_unread(number, fence, " ".join(details or [error.message])))
    return found


def _unread(number: int, fence: Fence, problem: str) -> RecipeBlock:
    return RecipeBlock(
        number=number,
        text=fence.content,
        title="",
        task="",
        base="",
        data="",
        recipe_hash="",
        claim=None,
        problem=problem,
    )


def read_blocks(body: str) -> list[tuple[RecipeBlock, Recipe]]:
    """Return the recipes of a text.

    Raises:
        InvalidError: with every problem: the line of the block and the key in it.
    """
    found, details = [], []
    fences = render_slotted(body, LANGUAGE).fences
    if len(fences) > MOST_RECIPES:
        raise InvalidError(_("A tutorial holds at most %(n)d recipes.") % {"n": MOST_RECIPES})
    for number, fence in enumerate(fences, start=1):
        try:
            read = _block(number, fence)
            found.append((read.block, read.recipe))
        except AppError as error:
            details += _placed(error, number, fence)
    if details:
        raise _refused(details)
    return found


async def check_blocks(doctor: Examiner, body: str) -> None:
    """Let the doctor look at every recipe of a text, as it does before a job.

    Raises:
        InvalidError: with every problem: the line of the block and the key in it.
    """
    details = []
    fences = render_slotted(body, LANGUAGE).fences
    for block, recipe in read_blocks(body):
        try:
            require_plan(await doctor.examine(recipe))
        except AppError as error:
            details += _placed(error, block.number, fences[block.number - 1])
    if details:
        raise _refused(details)


def _refused(details: list[Detail]) -> InvalidError:
    return InvalidError(
        _("A recipe of this text does not run."),
        fix=_("Mend what is named, or make it a `yaml` block, which nobody can run."),
        details=details,
        code="recipe_invalid",
    )


def _placed(error: AppError, number: int, fence: Fence) -> list[Detail]:
    """Say of each problem in which recipe, on which line of the text, and at which key it is."""
    told = error.details or (Detail("", error.message, error.fix),)
    return [
        Detail(
            _("recipe %(number)d, line %(line)d%(key)s")
            % {
                "number": number,
                "line": _line_of(fence, one.path),
                "key": f": {one.path}" if one.path else "",
            },
            one.message,
            one.fix,
        )
        for one in told
    ]


def _line_of(fence: Fence, path: str) -> int:
    """Return the line on which the last key of `path` that can be found is written."""
    lines, at = fence.content.splitlines(), 0
    for key in path.split("."):
        pattern = re.compile(rf"(?:^|[\s{{,-]){re.escape(key)}\s*:")
        at = next((n for n in range(at, len(lines)) if pattern.search(lines[n])), at)
    return fence.line + at


def _block(number: int, fence: Fence) -> _Read:
    recipe = read_recipe(fence.content)
    return _Read(
        RecipeBlock(
            number=number,
            text=fence.content,
            title=recipe.name,
            task=recipe.task,
            base=recipe.model.base.repo,
            data=recipe.data.train.repo,
            recipe_hash=hash_of(recipe),
            claim=_claim(fence, recipe),
        ),
        recipe,
    )


def hash_of(recipe: Recipe) -> str:
    """Return what is the same for recipes that mean the same."""
    return hashlib.sha256(canonical_json(recipe.to_json()).encode()).hexdigest()


def _claim(fence: Fence, recipe: Recipe) -> Claim | None:
    comment = _COMMENT.match(fence.content)
    words = fence.value("claim") or (comment[1] if comment else "")
    if not words.strip():
        return None
    match = _CLAIM.fullmatch(words.strip())
    if match is None:
        raise _bad_claim(
            _("%(words)s is not a claim.") % {"words": f"“{words.strip()}”"},
            _("Write a measure, a value and how far off still counts: accuracy 0.93 ± 0.01."),
        )
    metric, value, value_unit, tolerance, tolerance_unit = match.groups()
    spec = next(spec for name, spec in TASKS.items() if name == recipe.task)
    if metric != spec.metric:
        # Only the headline measure is told of every job, whatever else it measured.
        raise _bad_claim(
            _("The result of this task is told as %(metric)s.") % {"metric": spec.metric},
            _("Claim that measure."),
        )
    claim = Claim(
        metric,
        _number(value, value_unit),
        _number(tolerance, tolerance_unit or value_unit),
        is_share=MEASURES[metric].is_share,
    )
    if claim.is_share and not (0 <= claim.value <= 1 and claim.tolerance <= 1):
        raise _bad_claim(_("A share lies between 0 and 1."), _("Write 0.93, or 93 %."))
    return claim


def _number(digits: str, unit: str) -> float:
    return float(digits) / _HUNDRED if unit else float(digits)


def _bad_claim(message: str, fix: str) -> InvalidError:
    return InvalidError(message, details=[Detail("claim", message, fix)], code="bad_claim")
