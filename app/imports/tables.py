"""Imports: the row is the truth, so whoever finds its lease over goes on with it."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base
from app.core.sql import by_value
from app.hub.schemas import RepositoryKind
from app.imports.schemas import ImportState

_KIND = by_value(RepositoryKind)
_STATE = by_value(ImportState)


class Import(Base):
    """A repository to bring in from another hub.

    `attempt` is the fence: a run writes only while it is still the current one. `sealed_token` is
    the person's token for the other hub, encrypted, and only there until the import has ended.
    `source_commit` pins what is brought in; it is set together with the list of files.
    """

    __tablename__ = "imports_import"
    __table_args__ = (
        Index("ix_imports_import_user_id_id", "user_id", text("id DESC")),
        Index(
            "ix_imports_import_open", "id", postgresql_where=text("state IN ('queued', 'running')")
        ),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    user_id: Mapped[int] = mapped_column(ForeignKey("accounts_account.id", ondelete="CASCADE"))
    kind: Mapped[RepositoryKind] = mapped_column(_KIND)
    upstream: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    revision: Mapped[str] = mapped_column(Text)
    owner_name: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    private: Mapped[bool | None]
    language: Mapped[str] = mapped_column(Text)
    sealed_token: Mapped[bytes | None] = mapped_column(LargeBinary, default=None, repr=False)
    repository_id: Mapped[int | None] = mapped_column(
        ForeignKey("hub_repository.id", ondelete="SET NULL"), default=None, index=True
    )
    state: Mapped[ImportState] = mapped_column(_STATE, default=ImportState.QUEUED)
    attempt: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None] = mapped_column(default=None)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    source_commit: Mapped[str | None] = mapped_column(Text, default=None)
    files_total: Mapped[int | None] = mapped_column(default=None)
    files_done: Mapped[int] = mapped_column(default=0)
    bytes_total: Mapped[int | None] = mapped_column(BigInteger, default=None)
    bytes_done: Mapped[int] = mapped_column(BigInteger, default=0)
    current_path: Mapped[str] = mapped_column(Text, default="")
    commit: Mapped[str | None] = mapped_column(Text, default=None)
    error: Mapped[str | None] = mapped_column(Text, default=None)
    fix: Mapped[str | None] = mapped_column(Text, default=None)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)


class ImportFile(Base):
    """A file of the pinned commit: what the other hub says of it, and whether it is here."""

    __tablename__ = "imports_file"
    import_id: Mapped[int] = mapped_column(
        ForeignKey("imports_import.id", ondelete="CASCADE"), primary_key=True
    )
    path: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    oid: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str | None] = mapped_column(Text, default=None)
    is_done: Mapped[bool] = mapped_column(default=False)


class ImportSegment(Base):
    """A part of a large file that has arrived, so that a later run goes on behind it."""

    __tablename__ = "imports_segment"
    __table_args__ = (
        ForeignKeyConstraint(
            ["import_id", "path"],
            ["imports_file.import_id", "imports_file.path"],
            ondelete="CASCADE",
        ),
    )
    import_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    path: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    storage_key: Mapped[str] = mapped_column(Text)
