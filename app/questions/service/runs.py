"""Questions about a run: what is written before the asker begins, and what the question keeps."""

from app.core.db import AsyncSession
from app.core.i18n import _
from app.core.security import Viewer
from app.jobs import policy as jobs
from app.jobs.service.story import RunStory, story_of
from app.questions.schemas import QuestionIn, Snapshot

_FENCE = "```"


async def snapshot_of(db: AsyncSession, viewer: Viewer, job_id: int) -> Snapshot:
    """Return what a question about this run keeps of it.

    Raises:
        NotFoundError: the run is not there for the viewer.
    """
    story = await story_of(db, await jobs.access_run(db, viewer, job_id))
    return Snapshot(
        job_id=story.job_id,
        task=story.task,
        failure_code=story.failure.code if story.failure else "",
        fingerprint=story.fingerprint,
        environment=story.environment,
        curve=list(story.curve),
    )


async def begin_about(db: AsyncSession, viewer: Viewer, job_id: int) -> QuestionIn:
    """Return the question somebody with this run would ask; they change it before they post.

    Raises:
        NotFoundError: the run is not there for the viewer.
    """
    story = await story_of(db, await jobs.access_run(db, viewer, job_id))
    body = _body(story)
    return QuestionIn(
        title=_title(story), body=body, tags=_tags(story), language=None, job_id=job_id
    )


def _title(story: RunStory) -> str:
    if story.failure is None:
        return _("How can “%(title)s” (%(task)s) do better?") % {
            "title": story.title,
            "task": story.task,
        }
    return f"{story.failure.code}: {story.failure.sentence} ({story.task})"


def _tags(story: RunStory) -> list[str]:
    tags = [story.task]
    if story.failure is not None:
        tags.append(story.failure.code.lower().replace("_", "-"))
    return tags


def _body(story: RunStory) -> str:
    parts = [_("<!-- What did you expect, and what have you tried? -->"), ""]
    if story.failure is not None:
        parts += [f"**{story.failure.sentence}** {story.failure.fix}", ""]
        parts += [story.failure.detail, ""] if story.failure.detail else []
    parts += [f"### {_('Recipe')}", "", f"{_FENCE}yaml", story.recipe.strip(), _FENCE, ""]
    if story.log:
        parts += [f"### {_('Last lines of the log')}", "", f"{_FENCE}text"]
        parts += [line.replace(_FENCE, "'''") for line in story.log]
        parts += [_FENCE, ""]
    if story.environment:
        parts += [f"### {_('Versions')}", "", *_versions(story.environment), ""]
    return "\n".join(parts).strip() + "\n"


def _versions(environment: dict[str, str]) -> list[str]:
    return [f"- {name}: `{value}`" for name, value in environment.items() if value]
