"""How the parts of the site stand, and which processes it runs in."""

from datetime import datetime
from typing import Any

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base
from app.core.probes import Level
from app.core.sql import by_value


class Health(Base):
    """How a part stood when it was last looked at; `since` is when it began to stand so."""

    __tablename__ = "admin_health"
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    level: Mapped[Level] = mapped_column(by_value(Level))
    problem: Mapped[str] = mapped_column(Text)
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB)
    since: Mapped[datetime] = mapped_column(default_factory=now)
    checked_at: Mapped[datetime] = mapped_column(default_factory=now)


class SiteProcess(Base):
    """A web process of the site, as it last gave a sign of life."""

    __tablename__ = "admin_process"
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime] = mapped_column(default_factory=now, index=True)
