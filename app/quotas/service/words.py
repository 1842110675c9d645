"""What people are told about limits: how much there is, how much there may be, and what helps."""

from app.core.i18n import _
from app.core.templating import compact, filesize
from app.quotas.schemas import PERIOD_DAYS, Kind


def amount(kind: Kind, number: float) -> str:
    """Return so much of something as people say it."""
    if kind is Kind.BYTES:
        return filesize(round(number))
    if kind is Kind.GPU_SECONDS:
        return _("%(n)s h") % {"n": compact(round(number / 3600, 1))}
    return f"{round(number):,}"


def refusal(kind: Kind, used: int, most: int, more: int) -> str:
    """Return why there is no room for more."""
    numbers = {
        "used": amount(kind, used),
        "most": amount(kind, most),
        "more": amount(kind, more),
        "days": PERIOD_DAYS,
    }
    sentences = {
        Kind.BYTES: _(
            "No room: %(used)s of %(most)s are used, and this needs %(more)s more."
            " Delete what is not needed; /settings/usage shows the largest."
        ),
        Kind.FILES: _(
            "No room: there are %(used)s of %(most)s files, and this adds %(more)s."
            " Delete what is not needed, or pack small files together."
        ),
        Kind.REPOSITORIES: _(
            "There are %(used)s of %(most)s repositories. Delete one that is not needed."
        ),
        Kind.GPU_SECONDS: _(
            "%(used)s of %(most)s of GPU time are used in these %(days)d days."
            " It comes back day by day; a smaller job on the CPU can run now."
        ),
        Kind.QUEUED_JOBS: _("You already have %(used)s of %(most)s jobs waiting."),
        Kind.RUNNING_JOBS: _("%(used)s of %(most)s jobs of yours run already."),
        Kind.STREAMS: _("You have %(used)s of %(most)s streams open."),
    }
    return sentences[kind] % numbers


def fix_of(kind: Kind) -> str:
    """Return what helps."""
    if kind is Kind.QUEUED_JOBS:
        return _("Wait until one begins, or cancel one.")
    if kind is Kind.STREAMS:
        return _("Close other pages of this site.")
    return _("Free some, or ask who runs this site for more.")


def source_title(source: str) -> str:
    """Return what refers to content, in people's words."""
    return {
        "hub_repo_lfs": _("Large files of repositories, history included"),
        "hub_path_head": _("Small files at the tips of branches"),
        "buckets_file": _("Files in buckets"),
        "buckets_arrival": _("Sent to buckets, not placed yet"),
        "jobs_artifact": _("Results and checkpoints of jobs"),
        "tutorials_picture": _("Pictures of tutorials"),
    }[source]


def title(kind: Kind) -> str:
    """Return what people call it."""
    return {
        Kind.BYTES: _("Storage"),
        Kind.FILES: _("Files"),
        Kind.REPOSITORIES: _("Repositories"),
        Kind.QUEUED_JOBS: _("Jobs that wait"),
        Kind.RUNNING_JOBS: _("Jobs that run"),
        Kind.GPU_SECONDS: _("GPU time, %(n)d days") % {"n": PERIOD_DAYS},
        Kind.STREAMS: _("Live streams"),
    }[kind]
