"""Git's objects, the refs that lead to them, and the index of what stands at each branch's tip."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Text,
    false,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base
from app.hub.tables.repositories import REPOSITORY


class Ref(Base):
    """A branch (`refs/heads/…`), a tag (`refs/tags/…`) or a pull request (`refs/pr/…`).

    `owner_id` may commit to it without the right to write to the repository; a frozen ref takes
    no commits from anybody.
    """

    __tablename__ = "hub_ref"
    repository_id: Mapped[int] = mapped_column(
        ForeignKey(REPOSITORY, ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    target: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text, default="")
    updated_at: Mapped[datetime] = mapped_column(default_factory=now)
    owner_id: Mapped[int | None] = mapped_column(
        ForeignKey("accounts_account.id", ondelete="SET NULL"), default=None
    )
    is_frozen: Mapped[bool] = mapped_column(server_default=false(), default=False)


class Commit(Base):
    """A commit of one repository. `generation` is one more than its parents' largest."""

    __tablename__ = "hub_commit"
    repository_id: Mapped[int] = mapped_column(
        ForeignKey(REPOSITORY, ondelete="CASCADE"), primary_key=True
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
    # Who sent it by git: what a commit says of its author, anybody can write.
    pusher_id: Mapped[int | None] = mapped_column(
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
    # When the content was last sent: bytes of a commit under way are not taken for garbage.
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), init=False)


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
