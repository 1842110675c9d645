"""The kinds of jobs: where each has its page, and what its line in a list says."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from app.core.i18n import ngettext
from app.jobs.tables import Job
from worker.contract.rank import RANK_KIND
from worker.contract.work import FINE_TUNE_KIND


class JobKind(NamedTuple):
    """A kind of job. `page` holds `{id}`; `base` and `data` name what it works on."""

    page: str
    base: Callable[[Job], str]
    data: Callable[[Job], str]


def _many_bases(job: Job) -> str:
    count = len(job.recipe["candidates"])
    return ngettext("%(n)d base model", "%(n)d base models", count) % {"n": count}


_KINDS: Mapping[str, JobKind] = {
    FINE_TUNE_KIND: JobKind(
        page="/jobs/{id}",
        base=lambda job: str(job.recipe["model"]["base"]["repo"]),
        data=lambda job: str(job.recipe["data"]["train"]["repo"]),
    ),
    RANK_KIND: JobKind(
        page="/compare/{id}",
        base=_many_bases,
        data=lambda job: str(job.recipe["data"]["train"]["repo"]),
    ),
}


def kind_of(job: Job) -> JobKind:
    """Return the kind of a job."""
    return _KINDS[job.kind]


def page_of(job: Job) -> str:
    """Return the address of a job's page."""
    return kind_of(job).page.format(id=job.id)
