"""Ranking base models on one's own data: the request, the pinned plan, and what was measured.

Each candidate is an ordinary recipe that trains a new head, so the doctor judges it as such and the
winner can be fine-tuned as it stands.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, JsonValue, ValidationError, model_validator

from worker.contract.base import Wire, Written, canonical_json, digest
from worker.contract.bases import PinnedBase
from worker.contract.failures import Failure
from worker.contract.findings import Finding
from worker.contract.inventory import FileFact
from worker.contract.plan import PinnedInventory, Plan, examine
from worker.contract.recipe import Base, Columns, DataSource, Recipe
from worker.contract.recipe_text import RecipeError, RecipeProblem, parse_recipe_text
from worker.contract.resources import Resources
from worker.contract.tasks import TASKS, TaskName

RANK_KIND: Literal["rank-models"] = "rank-models"
MAX_CANDIDATES = 12
DEFAULT_SAMPLES = 1000
RANKABLE: tuple[TaskName, ...] = tuple(
    name for name, spec in TASKS.items() if spec.has_classes and "label" in spec.needs
)
# What each score is called, in the order in which they are shown; sites translate the titles.
SCORES: Mapping[str, str] = {
    "logme": "LogME",
    "h_score": "H-score",
    "leep": "LEEP",
    "n_leep": "N-LEEP",
    "nce": "NCE",
    "gbc": "GBC",
    "trans_rate": "TransRate",
}


class RankData(Written):
    """The samples that the candidates are measured on."""

    train: DataSource
    columns: Columns = Columns()


class RankRequest(Written):
    """Which base models to compare, and on what."""

    kind: Literal["rank-models"] = Field(default=RANK_KIND, description="What this file asks for.")
    name: str = Field(
        min_length=1,
        max_length=96,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="A short name for the job.",
    )
    task: TaskName = Field(default="image-classification", description="What the model shall do.")
    candidates: Annotated[tuple[Base, ...], Field(min_length=2, max_length=MAX_CANDIDATES)]
    data: RankData
    sample_limit: int = Field(
        default=DEFAULT_SAMPLES,
        ge=20,
        le=50_000,
        description="At most so many samples are measured, the classes in equal parts.",
    )
    image_size: int | None = Field(
        default=None, ge=16, le=1024, description="In pixels; left out, each candidate's own."
    )
    seed: int = Field(default=42, ge=0, le=2**31 - 1, description="Picks the samples.")
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.task not in RANKABLE:
            raise ValueError(f"{self.task} has no classes to rank by: use {', '.join(RANKABLE)}")
        if self.resources.least_processes > 1 or self.resources.strategy != "auto":
            raise ValueError("resources: a ranking runs in one process: remove processes, strategy")
        texts = [canonical_json(base.model_dump(mode="json")) for base in self.candidates]
        twice = next(
            (base for base, t in zip(self.candidates, texts, strict=True) if texts.count(t) > 1),
            None,
        )
        if twice is not None:
            raise ValueError(f"{twice.repo} is among the candidates twice: remove one")
        return self

    def recipe_for(self, candidate: Base) -> Recipe:
        """Return the recipe that trains a new head on a candidate.

        Raises:
            ValidationError: the request sets something that its task does not use.
        """
        data = self.data.model_dump(mode="json")
        if self.image_size is not None:
            data["image_size"] = self.image_size
        return Recipe.model_validate(
            {
                "name": self.name,
                "task": self.task,
                "model": {"base": candidate.model_dump(mode="json")},
                "data": data,
                "train": {"stages": [_HEAD_STAGE]},
                "reproducibility": {"seed": self.seed},
                "resources": self.resources.model_dump(mode="json"),
            }
        )


_HEAD_STAGE: JsonValue = {
    "name": "head",
    "train": ["head"],
    "epochs": 10,
    "optimizer": {"name": "adamw", "lr": 3e-3},
}


class RankCandidate(Wire):
    """A candidate, pinned. `license` is empty and `weights_bytes` 0 where they are not known."""

    plan: Plan
    license: str = ""
    weights_bytes: int = 0


class RankPlan(Wire):
    """Everything a worker needs to rank; `kind` tells it from the plan of a fine-tuning job."""

    schema_version: Literal[1] = 1
    kind: Literal["rank-models"] = RANK_KIND
    request: RankRequest
    candidates: tuple[RankCandidate, ...]

    @property
    def plan_hash(self) -> str:
        """The identity of the work: equal contents and settings, equal hash."""
        hashes: list[JsonValue] = [item.plan.plan_hash for item in self.candidates]
        return digest([self.kind, self.request.sample_limit, self.request.seed, hashes])

    @property
    def resources(self) -> Resources:
        """Which machine it wants, and for how long."""
        return self.request.resources

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the data, in the order of their numbers."""
        return self.candidates[0].plan.classes


@dataclass(frozen=True)
class RankExamination:
    """The doctor's answer: findings, and the plan when none of them is an error."""

    findings: tuple[Finding, ...]
    plan: RankPlan | None

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop the job."""
        return tuple(finding for finding in self.findings if finding.severity == "error")


class CandidateBase(NamedTuple):
    """A candidate's base as it was found; see `RankCandidate`."""

    base: PinnedBase
    license: str = ""
    weights_bytes: int = 0


def examine_ranking(
    request: RankRequest, bases: Sequence[CandidateBase], data: PinnedInventory
) -> RankExamination:
    """Check every candidate with the data; a finding about the data is told once.

    Args:
        request: the validated request.
        bases: the candidates' bases in the order of the request.
        data: the pinned data set.
    """
    found: dict[str, Finding] = {}
    candidates = []
    for wanted, item in zip(request.candidates, bases, strict=True):
        examined = examine(request.recipe_for(wanted), item.base, data)
        # What the doctor only notes is about training, and nothing is trained.
        serious = [finding for finding in examined.findings if finding.severity != "info"]
        found |= {finding.model_dump_json(): finding for finding in serious}
        if examined.plan is not None:
            candidates.append(
                RankCandidate(
                    plan=examined.plan.model_copy(update={"findings": ()}),
                    license=item.license,
                    weights_bytes=item.weights_bytes,
                )
            )
    findings = tuple(found.values())
    if len(candidates) < len(bases):
        return RankExamination(findings, None)
    return RankExamination(findings, RankPlan(request=request, candidates=tuple(candidates)))


class Share(Wire):
    """A share of the samples in [0, 1], with its 95 % interval (Wilson)."""

    value: float
    low: float
    high: float


class CandidateResult(Wire):
    """What was measured of one candidate; with `failure` set, nothing could be.

    `rank_low` to `rank_high` holds its place in 95 % of resamples of the data, `leads` is the part
    of them in which it comes first. `width` is the number of features. Times in seconds; `scores`
    leaves out what does not apply, as LEEP does to a base without classes of its own.
    """

    index: int
    repo: str
    commit: str | None = None
    weights: Literal["pretrained", "random"] = "pretrained"
    architecture: str
    license: str = ""
    weights_bytes: int = 0
    total_count: int = 0
    width: int = 0
    image_size: int | None = None
    probe: Share | None = None
    knn: Share | None = None
    scores: dict[str, float] = Field(default_factory=dict)
    rank_low: int = 0
    rank_high: int = 0
    leads: float = 0.0
    feature_seconds: float = 0.0
    score_seconds: float = 0.0
    seconds_per_sample: float = 0.0
    cached: bool = False
    failure: Failure | None = None


class RankResult(Wire):
    """The ranking: candidates by the accuracy of their probes, those that failed last.

    `agreement` is the mean weighted Kendall tau over all pairs of measures, from -1 to 1; None
    where fewer than two candidates could be measured.
    """

    schema_version: Literal[1] = 1
    kind: Literal["rank-models"] = RANK_KIND
    plan_hash: str
    task: str
    classes: tuple[str, ...]
    num_samples: int
    candidates: tuple[CandidateResult, ...]
    agreement: float | None = None
    seconds: float
    device: str
    versions: dict[str, str]

    @property
    def measured(self) -> tuple[CandidateResult, ...]:
        """The candidates that could be measured, best probe first."""
        return tuple(item for item in self.candidates if item.failure is None)


def base_role(number: int) -> str:
    """Return the role of a candidate's repository among a job's inputs; they count from 1."""
    return f"base-{number}"


def choose_samples(facts: Sequence[FileFact], limit: int, seed: int) -> list[FileFact]:
    """Return at most `limit` samples, in the order given, each class by its share.

    Chosen by content and seed, so that every machine and every candidate sees the same ones; each
    class keeps two samples at least.
    """
    if len(facts) <= limit:
        return list(facts)
    by_class: dict[str, list[FileFact]] = defaultdict(list)
    for fact in facts:
        by_class[fact.label].append(fact)
    chosen: set[str] = set()
    for members in by_class.values():
        count = max(2, limit * len(members) // len(facts))
        ordered = sorted(members, key=lambda fact: digest([seed, fact.key, fact.sha256]))
        chosen |= {fact.key for fact in ordered[:count]}
    return [fact for fact in facts if fact.key in chosen]


def request_from_text(text: str) -> RankRequest:
    """Return the request a YAML or JSON text describes.

    Raises:
        RecipeError: with every problem found.
    """
    return request_from_values(parse_recipe_text(text))


def request_from_values(values: Mapping[str, JsonValue]) -> RankRequest:
    """Return the request that plain values describe.

    Raises:
        RecipeError: with every problem found.
    """
    try:
        request = RankRequest.model_validate(values)
        request.recipe_for(request.candidates[0])
    except ValidationError as error:
        raise RecipeError(
            [_problem(item["loc"], item["msg"]) for item in error.errors()]
        ) from error
    return request


def _problem(location: Sequence[int | str], message: str) -> RecipeProblem:
    path = ".".join(str(part) for part in location)
    return RecipeProblem(path, message.removeprefix("Value error, ") + ".", "Correct this value.")
