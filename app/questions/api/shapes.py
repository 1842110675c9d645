"""What the questions API gives."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from app.comments.schemas import CommentView
from app.questions.schemas import (
    CloseReason,
    EditState,
    PostView,
    QuestionRow,
    QuestionView,
    Status,
    SuggestionView,
    TagView,
    TwinView,
)
from app.questions.service import MeasuredTrial


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RemarkOut(_Out):
    """A remark under a question or an answer. `body` is empty if it was hidden."""

    id: int
    author: str
    body: str
    created_at: datetime
    edited_at: datetime | None
    hidden: bool

    @classmethod
    def of(cls, words: CommentView) -> "RemarkOut":
        """Return the shape of a remark."""
        return cls(
            id=words.id,
            author=words.author,
            body=words.body,
            created_at=words.created_at,
            edited_at=words.edited_at,
            hidden=words.is_hidden,
        )


class PostOut(RemarkOut):
    """A question's words or an answer. `own_vote` is the caller's: 1, 0 or -1.

    `better_runs` and `worse_runs` count people whose runs did so with the answer's recipe patch;
    `evidence` is how many votes that counts like, and answers are ordered by `rank`, the sum.
    """

    score: int
    accepted: bool
    own_vote: int
    evidence: int
    rank: int
    better_runs: int
    worse_runs: int
    won_points: int
    won_gpu_seconds: int
    num_edits: int
    remarks: list[RemarkOut]
    num_remarks: int

    @classmethod
    def of_post(cls, post: PostView) -> "PostOut":
        """Return the shape of a post."""
        return cls(
            **RemarkOut.of(post.words).model_dump(),
            score=post.score,
            accepted=post.is_accepted,
            own_vote=post.own_vote,
            evidence=post.evidence,
            rank=post.rank,
            better_runs=post.num_better,
            worse_runs=post.num_worse,
            won_points=post.won_points,
            won_gpu_seconds=post.won_gpu_seconds,
            num_edits=post.words.num_edits,
            remarks=[RemarkOut.of(one) for one in post.remarks],
            num_remarks=post.num_remarks,
        )


class PrizeOut(_Out):
    """A bounty that can be won until a moment: `amount` of `reputation` or `gpu_seconds`."""

    amount: int
    unit: str
    until: datetime


class QuestionItem(_Out):
    """A question in a list."""

    id: int
    title: str
    url: str
    language: str
    author: str
    status: Status
    close_reason: CloseReason | None
    score: int
    num_answers: int
    answered: bool
    pinned: bool
    locked: bool
    tags: list[str]
    created_at: datetime
    active_at: datetime
    bounty: PrizeOut | None

    @classmethod
    def facts(cls, row: QuestionRow) -> dict[str, object]:
        """Return the values of a list's item."""
        names = set(QuestionItem.model_fields) - {"answered", "tags", "bounty"}
        found = {name: getattr(row, name) for name in names}
        prize = row.prize
        bounty = (
            PrizeOut(amount=prize.amount, unit=prize.unit, until=prize.until) if prize else None
        )
        more = {"answered": row.is_answered, "tags": list(row.tags), "bounty": bounty}
        return {**found, **more}

    @classmethod
    def of(cls, row: QuestionRow) -> "QuestionItem":
        """Return the shape of a list's item."""
        return QuestionItem.model_validate(cls.facts(row))


class QuestionOut(QuestionItem):
    """A question. `duplicate_of` is what it repeats, `duplicates` what repeats it."""

    body_id: int
    accepted_id: int | None
    duplicate_of: int | None
    duplicates: list[int]
    closed_by: str
    closed_at: datetime | None

    @classmethod
    def of_view(cls, view: QuestionView) -> "QuestionOut":
        """Return the shape of a question."""
        more = {
            "body_id": view.body_id,
            "accepted_id": view.accepted_id,
            "duplicate_of": view.duplicate_of.id if view.duplicate_of else None,
            "duplicates": [row.id for row in view.duplicates],
            "closed_by": view.closed_by,
            "closed_at": view.closed_at,
        }
        return cls.model_validate({**cls.facts(view), **more})


class TwinOut(_Out):
    """The same question in another language; its accepted answer counts for both.

    `edited_at` says that it was edited after this question: the words here may be behind.
    """

    id: int
    title: str
    url: str
    language: str
    score: int
    accepted: RemarkOut | None
    edited_at: datetime | None

    @classmethod
    def of(cls, twin: TwinView) -> "TwinOut":
        """Return the shape of a twin."""
        row = twin.row
        return cls(
            id=row.id,
            title=row.title,
            url=row.url,
            language=row.language,
            score=row.score,
            accepted=RemarkOut.of(twin.accepted) if twin.accepted else None,
            edited_at=twin.edited_at,
        )


class QuestionPage(_Out):
    """A page of questions. Send `next_cursor` as `cursor` for the next one."""

    items: list[QuestionItem]
    next_cursor: str | None


class WholeQuestionOut(_Out):
    """A question with its words and a page of answers, in the order asked for."""

    question: QuestionOut
    twin: TwinOut | None
    body: PostOut | None
    answers: list[PostOut]
    next_cursor: str | None


class TagOut(_Out):
    """A tag. A synonym's name leads to its main tag."""

    name: str
    num_questions: int
    parent: str
    about: dict[str, str]

    @classmethod
    def of(cls, tag: TagView) -> "TagOut":
        """Return the shape of a tag."""
        about = {"en": tag.about_en, "zh-CN": tag.about_zh}
        return cls(
            name=tag.name,
            num_questions=tag.num_questions,
            parent=tag.parent,
            about={language: text for language, text in about.items() if text},
        )


class TagPage(_Out):
    """A page of tags, the most used first."""

    items: list[TagOut]
    next_cursor: str | None


class TagDetail(TagOut):
    """A tag with what stands around it."""

    narrower: list[str]
    synonyms: list[str]


class ScoreOut(_Out):
    """The score of a post after a vote."""

    score: int
    own_vote: int


class SuggestionOut(_Out):
    """An edit that waits for somebody's yes, or was decided."""

    id: int
    post_id: int
    question_id: int
    author: str
    title: str
    body: str
    tags: list[str]
    reason: str
    state: EditState
    created_at: datetime

    @classmethod
    def of(cls, view: SuggestionView) -> "SuggestionOut":
        """Return the shape of a suggestion."""
        return cls(
            id=view.id,
            post_id=view.comment_id,
            question_id=view.question_id,
            author=view.author,
            title=view.title,
            body=view.body,
            tags=list(view.tags),
            reason=view.reason,
            state=view.state,
            created_at=view.created_at,
        )


class ChangedOut(_Out):
    """What came of an edit: published at once, or a suggestion that waits."""

    published: bool
    suggestion: SuggestionOut | None


class RevisionOut(_Out):
    """One wording of a post; the last one is what stands there now."""

    number: int
    editor: str
    body: str
    written_at: datetime


class TrialOut(_Out):
    """What a patch did to one run; `effect` is 1 for better, -1 for worse, 0 for no difference.

    `before` or `after` is null where that run failed. `job_id` is null where the caller may not see
    the run.
    """

    metric: str
    before: float | None
    after: float | None
    effect: int
    job_id: int | None

    @classmethod
    def of(cls, trial: MeasuredTrial) -> "TrialOut":
        """Return the shape of a trial."""
        return cls(
            metric=trial.metric,
            before=trial.before,
            after=trial.after,
            effect=trial.effect,
            job_id=trial.job_id or None,
        )


class JobQueuedOut(_Out):
    """The job that tries a patch."""

    job_id: int
