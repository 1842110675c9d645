"""Purses, movements and their lines. Movements and lines are written once and never changed."""

from datetime import datetime

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import now
from app.core.db import Base
from app.core.sql import by_value
from app.ledger.schemas import Holder, Unit, What

_ACCOUNT = "accounts_account.id"


class Purse(Base):
    """The sum of its lines, kept beside them; `number` is the person's or the purpose's."""

    __tablename__ = "ledger_purse"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    unit: Mapped[Unit] = mapped_column(by_value(Unit))
    holder: Mapped[Holder] = mapped_column(by_value(Holder))
    number: Mapped[int] = mapped_column(BigInteger)
    person_id: Mapped[int | None] = mapped_column(ForeignKey(_ACCOUNT), default=None, index=True)
    balance: Mapped[int] = mapped_column(BigInteger, server_default=text("0"), default=0)

    __table_args__ = (
        UniqueConstraint("unit", "holder", "number"),
        # What was put up is paid out once, whoever asks at the same moment.
        CheckConstraint("holder = 'person' OR balance >= 0", name="not_overdrawn"),
    )


class Movement(Base):
    """Something went from one purse to another for the purpose `number`."""

    __tablename__ = "ledger_movement"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, init=False)
    what: Mapped[What] = mapped_column(by_value(What))
    unit: Mapped[Unit] = mapped_column(by_value(Unit))
    number: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(default_factory=now)

    __table_args__ = (Index("ix_ledger_movement_number", "number", "id"),)


class Line(Base):
    """One side of a movement: the two of it sum to zero."""

    __tablename__ = "ledger_line"
    movement_id: Mapped[int] = mapped_column(ForeignKey("ledger_movement.id"), primary_key=True)
    purse_id: Mapped[int] = mapped_column(
        ForeignKey("ledger_purse.id"), primary_key=True, index=True
    )
    amount: Mapped[int] = mapped_column(BigInteger)
    person_id: Mapped[int | None] = mapped_column(ForeignKey(_ACCOUNT), default=None, index=True)

    __table_args__ = (CheckConstraint("amount <> 0", name="moves_something"),)


# The migration runs the same statements.
STATEMENTS = (
    """
CREATE OR REPLACE FUNCTION ledger_stays() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN RAISE EXCEPTION ''a line of the ledger stays as it is''; END'
""",
    """
CREATE OR REPLACE FUNCTION ledger_balances() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN
  IF (SELECT sum(amount) <> 0 OR count(*) <> 2 FROM ledger_line
      WHERE movement_id = NEW.movement_id) THEN
    RAISE EXCEPTION ''the two lines of a movement must sum to zero'';
  END IF;
  RETURN NULL;
END'
""",
    """
CREATE TRIGGER ledger_line_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_line
FOR EACH STATEMENT EXECUTE FUNCTION ledger_stays()
""",
    """
CREATE CONSTRAINT TRIGGER ledger_line_balances AFTER INSERT ON ledger_line
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_balances()
""",
)
MOVEMENT_STAYS = """
CREATE TRIGGER ledger_movement_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_movement
FOR EACH STATEMENT EXECUTE FUNCTION ledger_stays()
"""
# The line's table is made last of all, so both tables are there.
for _statement in (*STATEMENTS, MOVEMENT_STAYS):
    event.listen(Line.__table__, "after_create", DDL(_statement.replace("%", "%%")))  # type: ignore[no-untyped-call]  # as the library leaves it
