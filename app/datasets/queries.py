"""Reading and keeping probes and inventories."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import AsyncSession
from app.datasets.tables import Inventory, Probe

_BATCH = 1000


async def probes(db: AsyncSession, oids: Collection[str]) -> dict[str, Probe]:
    """Return what is known of these image files, by git's id."""
    found: dict[str, Probe] = {}
    ordered = sorted(set(oids))
    for start in range(0, len(ordered), _BATCH):
        batch = ordered[start : start + _BATCH]
        rows = await db.scalars(select(Probe).where(Probe.oid.in_(batch)))
        found.update({row.oid: row for row in rows})
    return found


async def save_probes(db: AsyncSession, rows: Sequence[Mapping[str, object]]) -> None:
    """Keep probes; those that are there already stay as they are."""
    if rows:
        ordered = sorted(rows, key=lambda row: str(row["oid"]))
        await db.execute(insert(Probe).on_conflict_do_nothing(), ordered)


async def inventory(
    db: AsyncSession, repository_id: int, commit: str, columns_key: str
) -> dict[str, object] | None:
    """Return the inventory of a revision if it was taken before."""
    row = await db.get(Inventory, (repository_id, commit, columns_key))
    return row.content if row else None


async def save_inventory(
    db: AsyncSession,
    repository_id: int,
    commit: str,
    columns_key: str,
    content: Mapping[str, object],
) -> None:
    """Keep the inventory of a revision."""
    await db.execute(
        insert(Inventory)
        .values(
            repository_id=repository_id,
            commit=commit,
            columns_key=columns_key,
            content=dict(content),
        )
        .on_conflict_do_nothing()
    )
