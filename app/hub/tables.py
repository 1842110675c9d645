"""Repositories and the git objects, large files and uploads behind them.

Git objects are content-addressed and shared between repositories; what a repository may be asked
for is decided by its refs and commits, and for large files by `RepositoryLfs`.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Date,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base
from app.hub.schemas import RepositoryKind

_KIND = Enum(
    RepositoryKind, native_enum=False, length=16, values_callable=lambda e: [m.value for m in e]
)


_REPOSITORY = "hub_repository.id"


class Repository(Base):
    """A model or data-set repository. The columns from `task` on are read from its card."""

    __tablename__ = "hub_repository"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    kind: Mapped[RepositoryKind] = mapped_column(_KIND)
    owner_id: Mapped[int] = mapped_column(ForeignKey("accounts_account.id", ondelete="CASCADE"))
    owner_name: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(Text)
    private: Mapped[bool]
    creator_id: Mapped[int | None] = mapped_column(
        ForeignKey("accounts_account.id", ondelete="SET NULL"), default=None
    )
    created_at: Mapped[datetime] = mapped_column(default_factory=now)
    updated_at: Mapped[datetime] = mapped_column(default_factory=now)
    head: Mapped[str] = mapped_column(Text, default="")
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    downloads: Mapped[int] = mapped_column(BigInteger, default=0)
    likes: Mapped[int] = mapped_column(default=0)
    trending: Mapped[float] = mapped_column(default=0.0)
    task: Mapped[str] = mapped_column(Text, default="")
    library: Mapped[str] = mapped_column(Text, default="")
    license: Mapped[str] = mapped_column(Text, default="")
    summary: Mapped[str] = mapped_column(Text, default="")
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text), default_factory=list)
    base_models: Mapped[list[str]] = mapped_column(ARRAY(Text), default_factory=list)
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), default_factory=list)
    card: Mapped[dict[str, Any]] = mapped_column(JSONB, default_factory=dict)
    weights: Mapped[dict[str, Any]] = mapped_column(JSONB, default_factory=dict)

    __table_args__ = (
        UniqueConstraint("kind", "owner_id", "name_key"),
        Index("ix_hub_repository_owner_id", "owner_id"),
        Index("ix_hub_repository_address", "kind", text("lower(owner_name)"), "name_key"),
        Index("ix_hub_repository_created", "kind", "created_at", "id"),
        Index("ix_hub_repository_updated", "kind", "updated_at", "id"),
        Index("ix_hub_repository_downloads", "kind", "downloads", "id"),
        Index("ix_hub_repository_likes", "kind", "likes", "id"),
        Index("ix_hub_repository_trending", "kind", "trending", "id"),
        Index("ix_hub_repository_task", "kind", "task"),
        Index("ix_hub_repository_tags", "tags", postgresql_using="gin"),
        Index("ix_hub_repository_base_models", "base_models", postgresql_using="gin"),
    )


class Redirect(Base):
    """An earlier address of a repository."""

    __tablename__ = "hub_redirect"
    kind: Mapped[RepositoryKind] = mapped_column(_KIND, primary_key=True)
    owner_key: Mapped[str] = mapped_column(Text, primary_key=True)
    name_key: Mapped[str] = mapped_column(Text, primary_key=True)
    repository_id: Mapped[int] = mapped_column(
        ForeignKey(_REPOSITORY, ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(default_factory=now)


class Ref(Base):
    """A branch (`refs/heads/…`), a tag (`refs/tags/…`) or a pull request (`refs/pr/…`)."""

    __tablename__ = "hub_ref"
    repository_id: Mapped[int] = mapped_column(
        ForeignKey(_REPOSITORY, ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    target: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text, default="")
    updated_at: Mapped[datetime] = mapped_column(default_factory=now)


class Commit(Base):
    """A commit of one repository. `generation` is one more than its parents' largest."""

    __tablename__ = "hub_commit"
    repository_id: Mapped[int] = mapped_column(
        ForeignKey(_REPOSITORY, ondelete="CASCADE"), primary_key=True
    )
    oid: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    tree: Mapped[str] = mapped_column(Text)
    parents: Mapped[list[str]] = mapped_column(ARRAY(Text))
    generation: Mapped[int]
    author_name: Mapped[str] = mapped_column(Text)
    author_email: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text)
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    committed_at: Mapped[datetime]
    author_id: Mapped[int | None] = mapped_column(
        ForeignKey("accounts_account.id", ondelete="SET NULL"), default=None
    )


class Tree(Base):
    """A folder, as git stores it."""

    __tablename__ = "hub_tree"
    oid: Mapped[str] = mapped_column(Text, primary_key=True)
    raw: Mapped[bytes] = mapped_column(LargeBinary)


class Blob(Base):
    """A file as git sees it: small content in the row, larger content under `storage_key`.

    For a large file the content is a pointer, and the row already says what it points to.
    """

    __tablename__ = "hub_blob"
    oid: Mapped[str] = mapped_column(Text, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    inline: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    storage_key: Mapped[str | None] = mapped_column(Text, default=None)
    lfs_sha256: Mapped[str | None] = mapped_column(Text, default=None, index=True)
    lfs_size: Mapped[int | None] = mapped_column(BigInteger, default=None)


class LfsObject(Base):
    """A large file's bytes, verified against their sha256 when they arrived."""

    __tablename__ = "hub_lfs_object"
    sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    storage_key: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)


class RepositoryLfs(Base):
    """Which repository may hand out which large file: the only way to ask for one."""

    __tablename__ = "hub_repo_lfs"
    repository_id: Mapped[int] = mapped_column(
        ForeignKey(_REPOSITORY, ondelete="CASCADE"), primary_key=True
    )
    sha256: Mapped[str] = mapped_column(
        ForeignKey("hub_lfs_object.sha256"), primary_key=True, index=True
    )
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("accounts_account.id", ondelete="SET NULL")
    )
    pushed_at: Mapped[datetime] = mapped_column(default_factory=now)


class Xorb(Base):
    """A bundle of chunks that a Xet client sent; `chunks` packs hash, raw size and end offset."""

    __tablename__ = "hub_xorb"
    hash: Mapped[str] = mapped_column(Text, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    chunks: Mapped[bytes] = mapped_column(LargeBinary)
    storage_key: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)


class XorbUser(Base):
    """Who has sent all bytes of a bundle, and may therefore build files from it."""

    __tablename__ = "hub_xorb_user"
    user_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_account.id", ondelete="CASCADE"), primary_key=True
    )
    hash: Mapped[str] = mapped_column(
        ForeignKey("hub_xorb.hash", ondelete="CASCADE"), primary_key=True, index=True
    )


class XetFile(Base):
    """Which sha256 a Xet file hash stands for, and the terms it was built from."""

    __tablename__ = "hub_xet_file"
    hash: Mapped[str] = mapped_column(Text, primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("hub_lfs_object.sha256"), index=True)
    terms: Mapped[list[Any]] = mapped_column(JSONB)


class PathHead(Base):
    """Every path at the tip of a branch, with the commit that last changed it.

    Folders have rows too (`is_folder`), so that a file page costs what the page shows.
    """

    __tablename__ = "hub_path_head"
    repository_id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(Text, primary_key=True)
    path: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    folder: Mapped[str] = mapped_column(Text(collation="C"))
    is_folder: Mapped[bool]
    oid: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    lfs_sha256: Mapped[str | None] = mapped_column(Text)
    last_commit: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        ForeignKeyConstraint(
            ["repository_id", "ref"],
            ["hub_ref.repository_id", "hub_ref.name"],
            ondelete="CASCADE",
        ),
        Index("ix_hub_path_head_folder", "repository_id", "ref", "folder"),
    )


class Upload(Base):
    """A browser's upload of one file, in parts, bound to one person and one repository."""

    __tablename__ = "hub_upload"
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("accounts_account.id", ondelete="CASCADE"), index=True
    )
    repository_id: Mapped[int] = mapped_column(
        ForeignKey(_REPOSITORY, ondelete="CASCADE"), index=True
    )
    path: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    part_size: Mapped[int]
    sha256: Mapped[str | None] = mapped_column(Text, default=None)
    created_at: Mapped[datetime] = mapped_column(default_factory=now, index=True)


class UploadPart(Base):
    """A part that has arrived; numbers count from 1."""

    __tablename__ = "hub_upload_part"
    upload_id: Mapped[str] = mapped_column(
        ForeignKey("hub_upload.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(Text)
    size: Mapped[int]
    storage_key: Mapped[str] = mapped_column(Text)


class DownloadDay(Base):
    """How many people downloaded from a repository on one day (UTC)."""

    __tablename__ = "hub_download_day"
    repository_id: Mapped[int] = mapped_column(
        ForeignKey(_REPOSITORY, ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    count: Mapped[int] = mapped_column(server_default=text("0"), default=0)


class Download(Base):
    """That somebody downloaded from a repository on one day (UTC), so that they count once.

    `who` is an account, or a keyed hash of a visitor's address that nobody can turn back.
    """

    __tablename__ = "hub_download"
    repository_id: Mapped[int] = mapped_column(
        ForeignKey(_REPOSITORY, ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    who: Mapped[str] = mapped_column(Text, primary_key=True)


class Store(Base):
    """The one row that names this store; clients keep what they know of it under that name."""

    __tablename__ = "hub_store"
    id: Mapped[int] = mapped_column(primary_key=True)
    generation: Mapped[str] = mapped_column(Text)
