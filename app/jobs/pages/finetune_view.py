"""What the fine-tune page shows, worked out from objects of the contract alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from app.core.errors import Detail
from app.core.i18n import _
from app.datasets.schemas import FindingOut, InventoryOut
from app.jobs.pages.run_view import trained_part
from app.jobs.pages.stage_picture import StagePicture, stage_picture
from app.jobs.pages.suggestions import NOTHING_CHOSEN
from worker.contract.bases import PinnedBase
from worker.contract.estimate import Estimate
from worker.contract.findings import Finding
from worker.contract.plan import Plan
from worker.contract.presets import preset_recipe, presets_for
from worker.contract.recipe import Recipe
from worker.contract.stages import Stage
from worker.contract.tasks import TASKS, TaskName, fitting_tasks

_SMALL_BYTES = 30_000_000
_MEDIUM_BYTES = 150_000_000
_BYTES_PER_PARAMETER = 4


class PresetCard(NamedTuple):
    """A ready-made way, with its picture."""

    key: str
    title: str
    summary: str
    picture: StagePicture


def preset_cards(task: TaskName) -> list[PresetCard]:
    """Return every preset for a task, in the reader's language."""
    cards = []
    for preset in presets_for(task):
        recipe = preset_recipe(
            preset.key, name="preview", base_repo="a/b", data_repo="c/d", task=task
        )
        picture = stage_picture(recipe.stages)
        cards.append(PresetCard(preset.key, _(preset.title), _(preset.summary), picture))
    return cards


@dataclass(frozen=True)
class ClassBar:
    """A bar of the histogram; `share` is the part of the largest class."""

    name: str
    count: int
    share: float


@dataclass(frozen=True)
class DataFacts:
    """A data set at a glance; `splits` are pairs of name and number of examples.

    In place of data an agent has an environment, some attributes of which may be shifted.
    """

    data: InventoryOut | None = None
    classes: Sequence[ClassBar] = ()
    splits: Sequence[tuple[str, int]] = ()
    environment: str = ""
    attributes: Sequence[str] = ()


def data_facts(data: InventoryOut) -> DataFacts:
    """Return what the page shows of a data set."""
    most = max((item.total for item in data.classes), default=1)
    return DataFacts(
        data=data,
        classes=[ClassBar(item.label, item.total, item.total / most) for item in data.classes],
        splits=[(name, data.split_counts.get(name, 0)) for name in data.splits],
    )


@dataclass(frozen=True)
class BaseFacts:
    """A base model at a glance. `size` in bytes; 0 where it is not known.

    `image_size` is 0 where no images go in, `max_tokens` where no texts do.
    """

    library: str
    architecture: str
    max_tokens: int
    image_size: int
    size: int
    parameters: int
    license: str
    cost: str


def base_facts(base: PinnedBase, size: int, license_name: str) -> BaseFacts:
    """Return what the page shows of a base model."""
    if base.weights == "random":
        cost = _("It begins with random weights and learns everything from your data.")
    elif size <= _SMALL_BYTES:
        cost = _("A small network: a normal processor trains all of it in minutes.")
    elif size <= _MEDIUM_BYTES:
        cost = _("A middling network: the head is quick on a processor, all of it wants patience.")
    else:
        cost = _("A large network: without a graphics card train only the head.")
    is_language = base.library == "transformers"
    sees = base.library in {"torchvision", "timm"}
    positions = base.config.get("max_position_embeddings")
    return BaseFacts(
        library=base.library,
        architecture=f"{base.library}/{base.architecture}",
        image_size=base.preprocessing.image_size if sees else 0,
        max_tokens=positions if is_language and isinstance(positions, int) else 0,
        size=size,
        parameters=size // _BYTES_PER_PARAMETER,
        license=license_name,
        cost=cost,
    )


@dataclass(frozen=True)
class TaskChoice:
    """What data and base can be used for: the chosen task, and (name, title) of all that fit."""

    name: TaskName
    options: Sequence[tuple[TaskName, str]]


def task_choice(wanted: str, data: DataFacts | None, base: BaseFacts | None) -> TaskChoice:
    """Return the task that was asked for where it fits, else the likeliest that does."""
    if data and data.environment:
        agent: TaskName = "reinforcement-learning"
        return TaskChoice(agent, [(agent, _(TASKS[agent].title))])
    fields = data.data.fields if data and data.data else ()
    fitting = fitting_tasks(fields, base.library if base else "") or fitting_tasks(fields)
    if not fitting and base is not None:
        fitting = tuple(name for name in TASKS if base.library in TASKS[name].libraries)
    names = fitting or ("image-classification",)
    # What needs most of the data is what they were made for.
    likeliest = max(names, key=lambda name: len(TASKS[name].needs))
    chosen = next((name for name in names if name == wanted), likeliest)
    return TaskChoice(chosen, [(name, _(TASKS[name].title)) for name in names])


class StageLine(NamedTuple):
    """A stage in the summary."""

    name: str
    trains: str
    epochs: int | None
    steps: int | None
    optimizer: str
    lr: float | None


@dataclass(frozen=True)
class CheckView:
    """What the doctor says about a recipe, the recipe in short, and what it will need."""

    problems: Sequence[Detail] = ()
    findings: Sequence[FindingOut] = ()
    data_name: str = ""
    base_name: str = ""
    sizes: Sequence[tuple[str, int]] = ()
    num_classes: int = 0
    image_size: int = 0
    epochs: int = 0
    needed: Estimate | None = None
    where: str = ""
    stages: Sequence[StageLine] = ()
    picture: StagePicture | None = field(default=None)
    is_complete: bool = False

    @property
    def num_errors(self) -> int:
        """How many things stop the job."""
        errors = [finding for finding in self.findings if finding.severity == "error"]
        return len(self.problems) + len(errors)

    @property
    def basis(self) -> str:
        """How the time is known, in words."""
        if self.needed is None:
            return ""
        return {
            "same": _("judged by earlier runs of this kind"),
            "other": _("judged by the work of other runs here"),
            "usual": _("a wide guess: nothing has run here yet"),
        }[self.needed.basis]


def check_view(
    *,
    recipe: Recipe | None = None,
    problems: Sequence[Detail] = (),
    findings: Sequence[Finding] = (),
    plan: Plan | None = None,
    needed: Estimate | None = None,
    where: str = "",
) -> CheckView:
    """Return the view of a check, as far as it came."""
    if recipe is None:
        return CheckView(problems=problems, where=where)
    stages = recipe.stages
    return CheckView(
        problems=problems,
        findings=[FindingOut.of(finding) for finding in findings],
        data_name=_chosen(recipe.data.train.repo),
        base_name=_chosen(recipe.model.base.repo),
        sizes=list(plan.split_sizes.items()) if plan else (),
        num_classes=len(plan.classes) if plan else 0,
        image_size=(plan.image_size if plan else recipe.data.image_size) or 0,
        epochs=sum(stage.epochs or 0 for stage in stages),
        needed=needed,
        where=where,
        stages=[_stage_line(stage) for stage in stages],
        picture=stage_picture(stages),
        is_complete=plan is not None,
    )


def _chosen(name: str) -> str:
    return "" if name == NOTHING_CHOSEN else name


def _stage_line(stage: Stage) -> StageLine:
    return StageLine(
        name=stage.name,
        trains=trained_part(stage),
        epochs=stage.epochs,
        steps=stage.max_steps,
        optimizer=stage.optimizer.name,
        lr=None if stage.optimizer.lr == "auto" else stage.optimizer.lr,
    )
