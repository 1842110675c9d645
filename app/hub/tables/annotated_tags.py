"""Annotated tags: git objects of their own, beside the ref that names their commit."""

from sqlalchemy import ForeignKeyConstraint, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class AnnotatedTag(Base):
    """The tag object that a tag's ref stands for; the ref itself points at the commit.

    It counts only while the ref points at `commit`.
    """

    __tablename__ = "hub_annotated_tag"
    repository_id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(Text, primary_key=True)
    oid: Mapped[str] = mapped_column(Text)
    commit: Mapped[str] = mapped_column(Text)
    raw: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        ForeignKeyConstraint(
            ["repository_id", "ref"],
            ["hub_ref.repository_id", "hub_ref.name"],
            ondelete="CASCADE",
        ),
    )
