"""Reviews of what cards claim. A claim itself is read from the card: only its talk has a row."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from app.claims.schemas import Basis, Verdict
from app.core.clock import now
from app.core.db import Base
from app.core.sql import by_value


class ClaimTalk(Base):
    """The discussion of the model in which a claim is talked about, whatever its value becomes."""

    __tablename__ = "claims_talk"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    repository_id: Mapped[int] = mapped_column(ForeignKey("hub_repository.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(Text)
    discussion_id: Mapped[int | None] = mapped_column(
        ForeignKey("discussions_discussion.id", ondelete="SET NULL"), index=True, default=None
    )

    __table_args__ = (UniqueConstraint("repository_id", "key"),)


class Review(Base):
    """What one person says of one value of a claim. It counts only while the card says that value.

    `title` is the claim in words, for when the card does not make it any more. `measured` is what
    a worker measured in the run; nobody types it.
    """

    __tablename__ = "claims_review"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    repository_id: Mapped[int] = mapped_column(ForeignKey("hub_repository.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)
    reviewer_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_account.id", ondelete="CASCADE"), index=True
    )
    title: Mapped[str] = mapped_column(Text)
    verdict: Mapped[Verdict] = mapped_column(by_value(Verdict))
    basis: Mapped[Basis] = mapped_column(by_value(Basis))
    job_id: Mapped[int | None] = mapped_column(
        ForeignKey("jobs_job.id", ondelete="CASCADE"), index=True, default=None
    )
    measured: Mapped[float | None] = mapped_column(default=None)
    shared: Mapped[bool] = mapped_column(server_default=false(), default=False)
    comment_id: Mapped[int | None] = mapped_column(
        ForeignKey("comments_comment.id", ondelete="SET NULL"), index=True, default=None
    )
    created_at: Mapped[datetime] = mapped_column(default_factory=now)

    __table_args__ = (UniqueConstraint("repository_id", "key", "value", "reviewer_id"),)
