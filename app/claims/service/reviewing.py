"""Reviewing and talking about a claim."""

import structlog

from app.claims import policy, queries
from app.claims.schemas import Basis, Claim, ClaimReviewIn, ClaimView, SaidOut, Verdict
from app.claims.service.checking import Checked, check
from app.claims.service.reading import read_claim
from app.claims.service.stating import claim_of
from app.claims.tables import ClaimTalk, Review
from app.comments import service as comments
from app.core.db import AsyncSession
from app.core.errors import ConflictError, Detail, InvalidError, NotFoundError
from app.core.i18n import _
from app.core.security import Scope, Viewer
from app.discussions import service as discussions
from app.discussions.schemas import MAX_TITLE, NewDiscussion
from app.hub.service import Repository
from app.jobs.service.evidence import Witness, maker_of, own_witness

log = structlog.get_logger(__name__)

_DOUBT = Checked(Verdict.DOUBTFUL, Basis.WORDS)


async def review(
    db: AsyncSession, viewer: Viewer, repository: Repository, key: str, given: ClaimReviewIn
) -> ClaimView:
    """Keep what the viewer says of the claim's present value, in place of what they said before.

    Raises:
        NotFoundError: there is no such claim, or no such run of the viewer's.
        ForbiddenError: the claim is their own.
        InvalidError: a run or words are missing.
        ConflictError: the run says nothing of this claim, or the talk is locked.
    """
    claim = claim_of(repository, key)
    maker = await maker_of(db, repository.id)
    user_id = policy.require_outsider(viewer, repository, maker.owner_id if maker else None)
    checked = _DOUBT
    if given.verdict is Verdict.CONFIRMED:
        run = await _run(db, viewer, given)
        checked = await check(db, viewer, repository, claim, maker, run)
    elif not given.words.strip():
        raise _missing("words", _("Say what makes you doubt it."))
    talk = await queries.lock_talk(db, repository.id, key)
    said = await _say(db, viewer, repository, talk, claim, given.words) if given.words else None
    await queries.forget(db, repository.id, key, claim.value, user_id)
    db.add(
        Review(
            repository_id=repository.id,
            key=key,
            value=claim.value,
            reviewer_id=user_id,
            title=claim.title,
            verdict=checked.verdict,
            basis=checked.basis,
            job_id=given.job_id if checked.basis is not Basis.WORDS else None,
            measured=checked.measured,
            shared=given.shared,
            comment_id=said.comment_id if said else None,
        )
    )
    await db.flush()
    log.info("claim_reviewed", repository_id=repository.id, key=key, verdict=checked.verdict.value)
    return await read_claim(db, viewer, repository, claim)


async def _run(db: AsyncSession, viewer: Viewer, given: ClaimReviewIn) -> Witness:
    if given.job_id is None:
        raise _missing("job_id", _("Give the number of the run that bears it out."))
    viewer.require_scope(Scope.JOBS_READ)
    run = await own_witness(db, viewer, given.job_id)
    if run is None:
        raise ConflictError(
            _("Job %(n)d has not ended well, so it says nothing.") % {"n": given.job_id},
            fix=_("Wait for it, or give another one."),
            code="job_not_succeeded",
        )
    return run


def _missing(path: str, problem: str) -> InvalidError:
    return InvalidError(problem, code="incomplete_review", details=[Detail(path, problem)])


async def withdraw(db: AsyncSession, viewer: Viewer, repository: Repository, key: str) -> ClaimView:
    """Take back what the viewer said of the claim's present value; their words stay in the talk.

    Raises:
        NotFoundError: they said nothing of it.
    """
    user_id = viewer.require_user()
    claim = claim_of(repository, key)
    if not await queries.forget(db, repository.id, key, claim.value, user_id):
        raise NotFoundError(_("You have not reviewed this claim."), code="review_not_found")
    return await read_claim(db, viewer, repository, claim)


async def comment(
    db: AsyncSession, viewer: Viewer, repository: Repository, key: str, words: str
) -> SaidOut:
    """Say something about a claim; the first words open a discussion of the model.

    Raises:
        NotFoundError: there is no such claim.
        InvalidError: there are no words, or too many.
        ConflictError: the discussion is locked.
    """
    viewer.require_user()
    claim = claim_of(repository, key)
    comments.check_body(words)
    talk = await queries.lock_talk(db, repository.id, key)
    return await _say(db, viewer, repository, talk, claim, words)


async def _say(  # who, where, about what, what
    db: AsyncSession,
    viewer: Viewer,
    repository: Repository,
    talk: ClaimTalk,
    claim: Claim,
    words: str,
) -> SaidOut:
    rooms = await discussions.discussions_by_id(
        db, [talk.discussion_id] if talk.discussion_id else []
    )
    if talk.discussion_id in rooms:
        room = rooms[talk.discussion_id]
        made = await discussions.comment(db, viewer, repository, room.num, words)
        return SaidOut(discussion=room.num, comment_id=made.id)
    title = _("Claim: %(claim)s") % {"claim": f"{claim.title}: {claim.value}"}
    new = NewDiscussion(title[:MAX_TITLE], words)
    opened = await discussions.open_discussion(db, viewer, repository, new)
    talk.discussion_id = opened.id
    first = await comments.first_comment(db, opened.thread_id)
    return SaidOut(discussion=opened.num, comment_id=first.id if first else 0)
