"""What can be found: a row for each thing, or for each part of it that has its own place."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class Document(Base):
    """A text that may be found, and what it is narrowed and ordered by.

    What belongs to a repository goes with it, and whether it may be shown is asked of the
    repository itself when it is found; `private` and `owner_id` only keep most of what may not be
    shown from being looked at. `place` is the address, below that of the repository if there is
    one. `words` is made by `app.search.words`. `labels` are facts such as `tag:vision`, which are
    among the words as well, so that the index answers an operator as it answers a word.
    """

    __tablename__ = "search_document"
    __table_args__ = (
        UniqueConstraint("kind", "subject_id", "language", "part"),
        Index("ix_search_document_words", "words", postgresql_using="gin"),
        Index("ix_search_document_quality", "quality", "id"),
        Index("ix_search_document_created", "created_at", "id"),
        Index("ix_search_document_score", "score", "id"),
        Index("ix_search_document_updated", "updated_at", "id"),
        Index("ix_search_document_repository", "repository_id"),
        # Texts and their words lie beside the rows: counting a hundred thousand rows that match
        # then reads a quarter of the pages, and the planner sees what reading all of them costs.
        {"postgresql_with": {"toast_tuple_target": "256"}},
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
    # Written by the release before this one only; to be dropped one release later.
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"), init=False)
    labels: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    author: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(TSVECTOR)
    quality: Mapped[float]
    score: Mapped[int]
    is_open: Mapped[bool | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Word(Base):
    """A Latin word as people wrote it, and in how many public texts; for typing errors."""

    __tablename__ = "search_word"
    __table_args__ = (
        Index(
            "ix_search_word_trigrams",
            "word",
            postgresql_using="gin",
            postgresql_ops={"word": "gin_trgm_ops"},
        ),
    )
    word: Mapped[str] = mapped_column(Text, primary_key=True)
    num_texts: Mapped[int]


class Progress(Base):
    """How far a source has been read: everything of it that changed up to this moment.

    A row `again question 7` is no source but a thing that is to be read again.
    """

    __tablename__ = "search_progress"
    source: Mapped[str] = mapped_column(Text, primary_key=True)
    read_to: Mapped[datetime]
