"""What a run may be called to witness for: what it was made of, and what a worker measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.core.db import AsyncSession
from app.core.security import Viewer
from app.jobs import policy
from app.jobs.queries import jobs as job_queries
from app.jobs.states import JobState
from app.jobs.tables import Job, JobInput

# What does not change what is learned, but for chance.
_BESIDE = ("recipe", "name", "resources", "reproducibility", "export", "explain")
_BASE, _DATA = "base", ("data", "test", "unlabeled")
# Names that cards use for measures which the engine calls otherwise.
_CARD_NAMES = {"f1": "f1_macro"}


@dataclass(frozen=True)
class Witness:
    """A fine-tuning run that ended well."""

    job_id: int
    owner_id: int
    recipe: Mapping[str, Any] = field(repr=False)
    inputs: tuple[JobInput, ...] = field(repr=False)
    result: Mapping[str, Any] = field(repr=False)

    @property
    def base_name(self) -> str:
        """The base it began from."""
        return next((item.name for item in self.inputs if item.role == _BASE), "")

    @property
    def base_id(self) -> int | None:
        """The repository of its base; None once that is gone."""
        return next((item.repository_id for item in self.inputs if item.role == _BASE), None)

    @property
    def data_names(self) -> list[str]:
        """The data sets it read."""
        return [item.name for item in self.inputs if item.role in _DATA]

    def repeats(self, other: "Witness") -> bool:
        """Whether both ran one recipe, but for seed, name and machine, on the same data."""
        return self.essence == other.essence

    @property
    def essence(self) -> tuple[Any, ...]:
        """What two runs have in common of which one repeats the other."""
        kept = {key: value for key, value in self.recipe.items() if key not in _BESIDE}
        read = {
            # A card of the base may be written anew; the data must be the very same.
            item.role: (item.repository_id, item.commit if item.role != _BASE else "")
            for item in self.inputs
        }
        return _unpinned(kept), read

    def measured(self, name: str) -> float | None:
        """Return what the worker measured on the split it judged by; None if it did not."""
        splits = self.result.get("splits")
        split = splits.get(self.result.get("split")) if isinstance(splits, dict) else None
        if not isinstance(split, dict):
            return None
        values = split.get("values")
        measured = dict(values) if isinstance(values, dict) else {}
        measured.setdefault(str(split.get("metric")), split.get("value"))
        found = measured.get(_CARD_NAMES.get(name, name), measured.get(name))
        return float(found) if isinstance(found, float | int) else None


def _unpinned(value: Any) -> Any:
    """Return a recipe without the revisions in it: what was read stands in the inputs."""
    if isinstance(value, dict):
        return {key: _unpinned(one) for key, one in value.items() if key != "revision"}
    return [_unpinned(one) for one in value] if isinstance(value, list) else value


async def maker_of(db: AsyncSession, repository_id: int) -> Witness | None:
    """Return the run whose result was published as this model; None if none was."""
    job = await job_queries.published_as(db, repository_id)
    return await _witness(db, job) if job is not None else None


async def own_witness(db: AsyncSession, viewer: Viewer, job_id: int) -> Witness | None:
    """Return the viewer's own run if it ended well; None if it waits, runs or failed.

    Raises:
        NotFoundError: there is no such run of theirs.
    """
    job = await policy.access_own_run(db, viewer, job_id)
    return await _witness(db, job) if job.state is JobState.SUCCEEDED else None


async def _witness(db: AsyncSession, job: Job) -> Witness:
    inputs = await job_queries.inputs_of(db, [job.id])
    return Witness(job.id, job.owner_id, job.recipe, tuple(inputs), job.result or {})
