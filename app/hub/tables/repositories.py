"""Repositories and the addresses they had."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    event,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base
from app.core.sql import by_value
from app.hub.schemas import RepositoryKind

KIND = by_value(RepositoryKind)

REPOSITORY = "hub_repository.id"


class Repository(Base):
    """A model or data-set repository. The columns from `task` on are read from its card."""

    __tablename__ = "hub_repository"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    kind: Mapped[RepositoryKind] = mapped_column(KIND)
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
    # What `config.json` and its neighbours say, shortened; `facts_key` names what was read.
    config: Mapped[dict[str, Any]] = mapped_column(
        JSONB, server_default=text("'{}'"), default_factory=dict
    )
    facts_key: Mapped[str] = mapped_column(Text, server_default="", default="")
    num_parameters: Mapped[int | None] = mapped_column(BigInteger, default=None)
    # Empty, `auto` (whoever agrees is let in) or `manual` (the owner decides).
    gated: Mapped[str] = mapped_column(Text, server_default="", default="")
    disabled: Mapped[bool] = mapped_column(server_default=false(), default=False)
    # `downloads` are those of the last 30 days, once a person, snapshot and day.
    downloads_all_time: Mapped[int] = mapped_column(BigInteger, server_default=text("0"), default=0)
    downloads_raw: Mapped[int] = mapped_column(BigInteger, server_default=text("0"), default=0)
    search_text: Mapped[str] = mapped_column(Text, server_default="", default="")

    __table_args__ = (
        UniqueConstraint("kind", "owner_id", "name_key"),
        Index("ix_hub_repository_owner_id", "owner_id"),
        Index("ix_hub_repository_address", "kind", text("lower(owner_name)"), "name_key"),
        # What everybody may find by the beginning of its name.
        Index(
            "ix_hub_repository_public_names",
            "kind",
            "name_key",
            postgresql_ops={"name_key": "text_pattern_ops"},
            postgresql_where=text("NOT private"),
        ),
        Index("ix_hub_repository_created", "kind", "created_at", "id"),
        Index("ix_hub_repository_updated", "kind", "updated_at", "id"),
        Index("ix_hub_repository_downloads", "kind", "downloads", "id"),
        Index("ix_hub_repository_likes", "kind", "likes", "id"),
        Index("ix_hub_repository_trending", "kind", "trending", "id"),
        # Each leads with one of the three, so that any of them together is one range.
        Index("ix_hub_repository_task_library", "kind", "task", "library", "license"),
        Index("ix_hub_repository_library_license", "kind", "library", "license", "task"),
        Index("ix_hub_repository_license_task", "kind", "license", "task", "library"),
        Index("ix_hub_repository_tags", "tags", postgresql_using="gin"),
        Index("ix_hub_repository_base_models", "base_models", postgresql_using="gin"),
        Index("ix_hub_repository_languages", "languages", postgresql_using="gin"),
        Index("ix_hub_repository_parameters", "kind", "num_parameters", "id"),
        Index("ix_hub_repository_gated", "kind", "gated", postgresql_where=text("gated <> ''")),
        Index(
            "ix_hub_repository_search",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ),
    )


class Redirect(Base):
    """An earlier address of a repository."""

    __tablename__ = "hub_redirect"
    kind: Mapped[RepositoryKind] = mapped_column(KIND, primary_key=True)
    owner_key: Mapped[str] = mapped_column(Text, primary_key=True)
    name_key: Mapped[str] = mapped_column(Text, primary_key=True)
    repository_id: Mapped[int] = mapped_column(
        ForeignKey(REPOSITORY, ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(default_factory=now)


# Substring search needs trigrams; the extension comes with PostgreSQL and is trusted.
_TRIGRAMS = DDL("CREATE EXTENSION IF NOT EXISTS pg_trgm")  # type: ignore[no-untyped-call]  # its own
event.listen(Repository.__table__, "before_create", _TRIGRAMS)
