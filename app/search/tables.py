"""What can be found: a row for each thing, or for each part of it that has its own place."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class Document(Base):
    """A text that may be found, and what it is narrowed and ordered by.

    What belongs to a repository goes with it, and whether it may be shown is asked of the
    repository itself when it is found; `private` and `owner_id` only keep most of what may not be
    shown from being looked at. `place` is the address, below that of the repository if there is
    one. `words` is made by `app.search.words`.
    """

    __tablename__ = "search_document"
    __table_args__ = (
        UniqueConstraint("kind", "subject_id", "language", "part"),
        Index("ix_search_document_words", "words", postgresql_using="gin"),
        Index("ix_search_document_quality", "quality", "id"),
        Index("ix_search_document_repository", "repository_id"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[int] = mapped_column(BigInteger)
    language: Mapped[str] = mapped_column(Text)
    part: Mapped[int] = mapped_column(BigInteger)
    repository_id: Mapped[int | None] = mapped_column(
        ForeignKey("hub_repository.id", ondelete="CASCADE")
    )
    owner_id: Mapped[int | None] = mapped_column(BigInteger)
    private: Mapped[bool]
    place: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text))
    author: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(TSVECTOR)
    quality: Mapped[float]
    score: Mapped[int]
    is_open: Mapped[bool | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Progress(Base):
    """How far a source has been read: everything of it that changed up to this moment."""

    __tablename__ = "search_progress"
    source: Mapped[str] = mapped_column(Text, primary_key=True)
    read_to: Mapped[datetime]
