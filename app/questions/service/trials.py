"""Try the recipe patch of an answer on a run of one's own."""

from app.comments import service as comments
from app.core.db import AsyncSession
from app.core.errors import ConflictError
from app.core.i18n import _
from app.core.security import Viewer
from app.jobs import policy as jobs
from app.jobs.service import Job
from app.jobs.service.examination import Doctor
from app.jobs.service.submission import Begun, submit
from app.questions import policy
from app.questions.service.evidence import hash_of
from app.questions.service.patches import patch_in, patched, read_patch
from app.questions.tables import Trial


async def try_patch(  # with what, whose, which answer's, on which run
    db: AsyncSession,
    doctor: Doctor,
    viewer: Viewer,
    comment_id: int,
    job_id: int,
    *,
    shared: bool = False,
) -> Job:
    """Queue the viewer's run once more with an answer's patch in its recipe.

    With `shared` the answer shows everybody what a worker measured before and after.

    Raises:
        NotFoundError: the answer or the run is not there for the viewer.
        ConflictError: the answer has no patch.
        InvalidError: the patch does not fit this recipe, or the doctor finds errors.
    """
    _question, post = await policy.access_post(db, viewer, comment_id)
    base = await jobs.access_run(db, viewer, job_id)
    words = (await comments.comments_by_id(db, [post.comment_id]))[post.comment_id]
    text = patch_in(words.body)
    if not text:
        raise ConflictError(_("This answer has no recipe patch to try."), code="no_patch")
    made, _before = await submit(
        db, doctor, viewer, patched(base.recipe, read_patch(text)), begun=Begun(base.id)
    )
    tried_by = viewer.require_user()
    db.add(
        Trial(
            job_id=made.id,
            comment_id=comment_id,
            base_job_id=base.id,
            tried_by_id=tried_by,
            shared=shared,
            patch_hash=hash_of(text),
        )
    )
    await db.flush()
    return made
