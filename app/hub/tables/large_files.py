"""Large files, which repository may hand out which, and the Xet bundles behind them."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    LargeBinary,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base
from app.hub.tables.repositories import REPOSITORY


class LfsObject(Base):
    """A large file's bytes, verified against their sha256 when they arrived.

    Without a `storage_key` the file came by Xet and lies in bundles: see `XetFile`. Whatever needs
    a large file refers to it by a foreign key; the collection of garbage asks all of them.
    """

    __tablename__ = "hub_lfs_object"
    sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    storage_key: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)


class RepositoryLfs(Base):
    """Which repository may hand out which large file: the only way to ask for one."""

    __tablename__ = "hub_repo_lfs"
    repository_id: Mapped[int] = mapped_column(
        ForeignKey(REPOSITORY, ondelete="CASCADE"), primary_key=True
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
    """Which sha256 a Xet file hash stands for, and the terms it is made of.

    A term is `[xorb, first chunk, last chunk (exclusive), bytes]`. `layout` packs where the packed
    bytes of every megabyte lie (`app.hub.xet.Run`); without it the file is stored whole as well.
    """

    __tablename__ = "hub_xet_file"
    hash: Mapped[str] = mapped_column(Text, primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("hub_lfs_object.sha256"), index=True)
    terms: Mapped[list[Any]] = mapped_column(JSONB)
    layout: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)


class XetUse(Base):
    """Which file uses which bundle: a bundle that no file uses may go one day."""

    __tablename__ = "hub_xet_use"
    xorb: Mapped[str] = mapped_column(ForeignKey("hub_xorb.hash"), primary_key=True)
    file: Mapped[str] = mapped_column(
        ForeignKey("hub_xet_file.hash", ondelete="CASCADE"), primary_key=True, index=True
    )


class XetAnchor(Base):
    """By which chunks a file is found again: its first one, and about one in a thousand."""

    __tablename__ = "hub_xet_anchor"
    chunk: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    file: Mapped[str] = mapped_column(
        ForeignKey("hub_xet_file.hash", ondelete="CASCADE"), primary_key=True, index=True
    )


class Store(Base):
    """The one row that names this store; clients keep what they know of it under that name."""

    __tablename__ = "hub_store"
    id: Mapped[int] = mapped_column(primary_key=True)
    generation: Mapped[str] = mapped_column(Text)
