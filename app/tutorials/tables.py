"""Tutorials and their published versions."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base


class Tutorial(Base):
    """A tutorial under one address, whatever languages it is written in."""

    __tablename__ = "tutorials_tutorial"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    slug: Mapped[str] = mapped_column(Text, unique=True)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)


class TutorialVersion(Base):
    """One published text in one language. It never changes: an edit publishes the next number."""

    __tablename__ = "tutorials_version"
    __table_args__ = (UniqueConstraint("tutorial_id", "language", "number"),)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    tutorial_id: Mapped[int] = mapped_column(
        ForeignKey("tutorials_tutorial.id", ondelete="CASCADE")
    )
    language: Mapped[str] = mapped_column(Text)
    number: Mapped[int]
    title: Mapped[str] = mapped_column(Text)
    summary: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    published_at: Mapped[datetime] = mapped_column(default_factory=now)
