"""Whose turn it is: one statement that stays cheap however many jobs wait.

Jobs are looked at by person and priority, not one by one: the index names who waits in a few steps
each, and of each only the job that waits longest. First comes the better class; in it who runs the
least now; then who used the least lately; then who waits longest. Waiting moves a job to the next
better class every so often, so nothing waits behind a better class for ever; and who waits is
forgiven what they used, so nobody waits behind the same people for ever.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, column, select, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT

from app.core.db import AsyncSession, limits_of
from app.jobs.states import ACTIVE_STATES
from app.jobs.tables import Job
from app.quotas.service.sharing import STANDING

GPU_QUEUE = "gpu"
INTERACTIVE, NORMAL, BATCH = 0, 1, 2
# So long a job waits in its class before it moves to the next better one.
PATIENCE_S = 2 * 3600

_ACTIVE = ", ".join(f"'{state.value}'" for state in ACTIVE_STATES)
_CLASS = (
    "greatest(0, priority - floor(extract(epoch FROM clock_timestamp() - queued_at) / "
    f"{PATIENCE_S}))"
)
_RUNNING = f"""
SELECT owner_id, count(*) AS num, sum(processes) AS processes FROM jobs_job
WHERE state IN ({_ACTIVE}) GROUP BY owner_id
"""  # noqa: S608  # our own words
_ROOM = f"CASE j.queue WHEN '{GPU_QUEUE}' THEN :gpus ELSE :cores END"
_WAITS = "j.state = 'queued' AND j.queue = w.queue AND j.priority = w.priority"
_CLAIM = f"""
WITH RECURSIVE waiting AS (
  SELECT first.* FROM unnest(:queues) q (queue), LATERAL (
    SELECT j.queue, j.priority, j.owner_id FROM jobs_job j
    WHERE j.state = 'queued' AND j.queue = q.queue
    ORDER BY j.priority, j.owner_id LIMIT 1) first
  UNION ALL
  SELECT n.* FROM waiting w, LATERAL (
    SELECT j.queue, j.priority, j.owner_id FROM jobs_job j
    WHERE j.state = 'queued' AND j.queue = w.queue
      AND (j.priority, j.owner_id) > (w.priority, w.owner_id)
    ORDER BY j.priority, j.owner_id LIMIT 1) n
), running AS MATERIALIZED ({_RUNNING}), standing AS ({STANDING}), turns AS MATERIALIZED (
  SELECT w.queue, w.priority, w.owner_id
  FROM waiting w
  CROSS JOIN LATERAL (
    SELECT j.queued_at FROM jobs_job j
    WHERE {_WAITS} AND j.owner_id = w.owner_id AND j.processes <= {_ROOM}
    ORDER BY j.queued_at, j.id LIMIT 1) head
  LEFT JOIN running r USING (owner_id)
  LEFT JOIN standing s ON s.account_id = w.owner_id
  WHERE w.priority = {INTERACTIVE} OR coalesce(s.running_limit, :most) = 0
    OR coalesce(r.num, 0) < coalesce(s.running_limit, :most)
  ORDER BY {_CLASS}, coalesce(r.processes, 0), coalesce(s.used, 0), queued_at
)
SELECT mine.id FROM turns w CROSS JOIN LATERAL (
  SELECT j.id FROM jobs_job j
  WHERE {_WAITS} AND j.owner_id = w.owner_id AND j.processes <= {_ROOM}
  ORDER BY j.queued_at, j.id LIMIT 1 FOR UPDATE SKIP LOCKED) mine
LIMIT 1
"""  # noqa: S608  # our own words
_PLACE = f"""
WITH running AS ({_RUNNING}), standing AS ({STANDING}), numbered AS (
  SELECT j.id, j.owner_id, j.priority, j.queued_at,
    row_number() OVER (PARTITION BY j.owner_id, j.priority ORDER BY j.queued_at, j.id) AS nth
  FROM jobs_job j WHERE j.state = 'queued' AND j.queue = :queue
), placed AS (
  SELECT n.id, n.owner_id, coalesce(r.num, 0) AS num_running,
    coalesce(s.running_limit, :most) AS running_limit, count(*) OVER () AS num_waiting,
    row_number() OVER (ORDER BY {_CLASS}, coalesce(r.processes, 0) + n.nth, coalesce(s.used, 0),
      queued_at, n.id) AS place
  FROM numbered n LEFT JOIN running r USING (owner_id)
  LEFT JOIN standing s ON s.account_id = n.owner_id
)
SELECT place, num_waiting, num_running, running_limit FROM placed WHERE id = :job_id
"""  # noqa: S608  # our own words


@dataclass(frozen=True)
class Turn:
    """Where a waiting job stands, if nobody else came: `place` counts from 1.

    `running_limit` 0 is without limit; at the limit the job waits for one of its owner's own.
    """

    place: int
    num_waiting: int
    num_running: int
    running_limit: int

    @property
    def is_held_back(self) -> bool:
        """Whether it waits for another job of its owner to end."""
        return 0 < self.running_limit <= self.num_running


def next_turn(db: AsyncSession, queues: Collection[str], *, gpus: int, cores: int) -> Select[Any]:
    """Return a statement that finds and locks the job whose turn it is."""
    picked = (
        text(_CLAIM)
        .bindparams(
            bindparam("queues", sorted(queues), type_=ARRAY(TEXT)),
            gpus=gpus,
            cores=cores,
            most=limits_of(db).quotas.running_jobs,
        )
        .columns(column("id", BigInteger))
        .cte("picked")
    )
    return select(picked.c.id)


async def turn_of(db: AsyncSession, job: Job) -> Turn | None:
    """Return where a job stands in its queue; None if it waits no more."""
    values = {"queue": job.queue, "job_id": job.id, "most": limits_of(db).quotas.running_jobs}
    row = (await db.execute(text(_PLACE), values)).one_or_none()
    return Turn(row.place, row.num_waiting, row.num_running, row.running_limit) if row else None
