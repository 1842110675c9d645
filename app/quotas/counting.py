"""How the database itself keeps the counters: triggers on every table that refers to content.

So a counter changes in the transaction that changes what it counts, whoever writes: a commit, a
push, a collection of garbage, a cascade, a statement typed by hand. `SOURCES` is the one list of
what is charged to whom; the triggers and the recount are both made from it.

The tables belong to features above this one, so they are named here as the database knows them.
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A table whose rows refer to content.

    Args:
        parent: the table whose row says who owns it; its rows take ours with them.
        link: our column with the parent's id.
        key: what names the content; null where another source charges it.
        size: its bytes.
        changes: columns that, when they change, refer to something else; none for those that stay.
        where: which rows count.
        more: a join that `size` needs.
        is_file: whether a row is a file of its owner as well.
    """

    parent: str
    link: str
    key: str = "t.sha256"
    size: str = "t.size"
    changes: tuple[str, ...] = ()
    where: str = "true"
    more: str = ""
    is_file: bool = False


SOURCES = {
    "hub_repo_lfs": Source(
        "hub_repository",
        "repository_id",
        size="o.size",
        more="JOIN hub_lfs_object o ON o.sha256 = t.sha256",
    ),
    # Small files of git, where they stand at the tip of a branch.
    "hub_path_head": Source(
        "hub_repository",
        "repository_id",
        key="CASE WHEN t.lfs_sha256 IS NULL THEN 'git:' || t.oid END",
        changes=("oid", "is_folder"),
        where="NOT t.is_folder",
        is_file=True,
    ),
    "buckets_file": Source("buckets_bucket", "bucket_id", changes=("sha256",), is_file=True),
    "buckets_arrival": Source("buckets_bucket", "bucket_id", changes=("sha256",)),
    "jobs_artifact": Source("jobs_job", "job_id", changes=("sha256",)),
    "tutorials_picture": Source("tutorials_tutorial", "tutorial_id", changes=("sha256",)),
}


def charged(table: str, rows: str) -> str:
    """Return a query of account, content and size for `rows`, which are shaped like `table`."""
    source = SOURCES[table]
    return (
        f"SELECT p.owner_id AS account_id, {source.key} AS key, {source.size}::bigint AS size, "  # noqa: S608  # our own words
        f"t.{source.link} AS parent_id FROM {rows} t "
        f"JOIN {source.parent} p ON p.id = t.{source.link} {source.more} "
        f"WHERE p.owner_id IS NOT NULL AND ({source.where})"
    )


# Who changes an account's counters waits for who did before, in one order for everybody.
_LOCK = """
CREATE OR REPLACE FUNCTION quotas_lock(accounts bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO quotas_usage (account_id)
    SELECT a.id FROM accounts_account a WHERE a.id = ANY (accounts)
      AND NOT EXISTS (SELECT FROM quotas_usage u WHERE u.account_id = a.id)
    ORDER BY a.id ON CONFLICT DO NOTHING;
  PERFORM FROM quotas_usage u WHERE u.account_id = ANY (accounts) ORDER BY u.account_id FOR UPDATE;
END $$
"""
_ADD = """
CREATE OR REPLACE FUNCTION quotas_add(
  accounts bigint[], keys text[], sizes bigint[], are_files boolean
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF accounts IS NULL THEN RETURN; END IF;
  PERFORM quotas_lock(accounts);
  WITH sent AS (
    SELECT s.* FROM unnest(accounts, keys, sizes) s (account_id, key, size)
    JOIN quotas_usage u USING (account_id)
  ), wanted AS (
    SELECT account_id, key, max(size) AS size, count(*) AS uses FROM sent
    WHERE key IS NOT NULL GROUP BY account_id, key
  ), put AS (
    INSERT INTO quotas_content AS c (account_id, key, size, uses) SELECT * FROM wanted
    ON CONFLICT (account_id, key) DO UPDATE SET uses = c.uses + excluded.uses
    RETURNING c.account_id, c.key, c.size, c.uses
  ), grown AS (
    SELECT account_id, sum(put.size) AS bytes FROM put JOIN wanted USING (account_id, key)
    WHERE put.uses = wanted.uses GROUP BY account_id
  ), counted AS (SELECT account_id, count(*) AS files FROM sent GROUP BY account_id)
  UPDATE quotas_usage u SET bytes = u.bytes + coalesce(grown.bytes, 0),
    files = u.files + CASE WHEN are_files THEN counted.files ELSE 0 END
  FROM counted LEFT JOIN grown USING (account_id)
  WHERE u.account_id = counted.account_id AND (are_files OR grown.bytes > 0);
END $$
"""
_REMOVE = """
CREATE OR REPLACE FUNCTION quotas_remove(
  accounts bigint[], keys text[], are_files boolean
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF accounts IS NULL THEN RETURN; END IF;
  PERFORM quotas_lock(accounts);
  UPDATE quotas_content c SET uses = c.uses - gone.uses FROM (
    SELECT account_id, key, count(*) AS uses FROM unnest(accounts, keys) s (account_id, key)
    WHERE key IS NOT NULL GROUP BY account_id, key
  ) gone WHERE c.account_id = gone.account_id AND c.key = gone.key;
  WITH gone AS (
    DELETE FROM quotas_content c USING (SELECT DISTINCT * FROM unnest(accounts, keys)) s
      (account_id, key)
    WHERE c.account_id = s.account_id AND c.key = s.key AND c.uses <= 0
    RETURNING c.account_id, c.size
  ), freed AS (
    SELECT account_id, sum(size) AS bytes FROM gone GROUP BY account_id
  ), counted AS (
    SELECT account_id, count(*) AS files FROM unnest(accounts) s (account_id) GROUP BY account_id
  )
  UPDATE quotas_usage u SET bytes = u.bytes - coalesce(freed.bytes, 0),
    files = u.files - CASE WHEN are_files THEN counted.files ELSE 0 END
  FROM counted LEFT JOIN freed USING (account_id)
  WHERE u.account_id = counted.account_id AND (are_files OR freed.bytes > 0);
END $$
"""
_COUNT_REPOSITORIES = """
CREATE OR REPLACE FUNCTION quotas_repositories() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE owners bigint[]; step bigint := 1;
BEGIN
  IF TG_OP = 'INSERT' THEN owners := (SELECT array_agg(owner_id) FROM came);
  ELSE owners := (SELECT array_agg(owner_id) FROM went); step := -1; END IF;
  IF owners IS NULL THEN RETURN NULL; END IF;
  PERFORM quotas_lock(owners);
  UPDATE quotas_usage u SET repositories = u.repositories + step * s.num
  FROM (SELECT o AS account_id, count(*) AS num FROM unnest(owners) o GROUP BY o) s
  WHERE u.account_id = s.account_id;
  RETURN NULL;
END $$
"""
_REPOSITORY_TRIGGERS = (
    """CREATE TRIGGER quotas_came AFTER INSERT ON hub_repository REFERENCING NEW TABLE AS came
FOR EACH STATEMENT EXECUTE FUNCTION quotas_repositories()""",
    """CREATE TRIGGER quotas_gone AFTER DELETE ON hub_repository REFERENCING OLD TABLE AS went
FOR EACH STATEMENT EXECUTE FUNCTION quotas_repositories()""",
)


def statements() -> Iterator[str]:
    """Yield what makes the functions and the triggers, once every table is there."""
    yield from (_LOCK, _ADD, _REMOVE, _COUNT_REPOSITORIES)
    for table in SOURCES:
        yield from _of_source(table)
    for parent in dict.fromkeys(source.parent for source in SOURCES.values()):
        yield from _of_parent(parent)
    yield from _REPOSITORY_TRIGGERS


def _added(table: str, rows: str) -> str:
    are_files = str(SOURCES[table].is_file).lower()
    return (
        "PERFORM quotas_add(array_agg(s.account_id), array_agg(s.key), array_agg(s.size), "
        f"{are_files}) FROM ({charged(table, rows)}) s;"
    )


def _removed(table: str, rows: str) -> str:
    are_files = str(SOURCES[table].is_file).lower()
    return (
        f"PERFORM quotas_remove(array_agg(s.account_id), array_agg(s.key), {are_files}) "
        f"FROM ({charged(table, rows)}) s;"
    )


def _of_source(table: str) -> Iterator[str]:
    yield f"""
CREATE OR REPLACE FUNCTION quotas_of_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN {_added(table, "came")}
  ELSIF TG_OP = 'DELETE' THEN {_removed(table, "went")}
  ELSE
    {_added(table, "(SELECT NEW.*)")}
    {_removed(table, "(SELECT OLD.*)")}
  END IF;
  RETURN NULL;
END $$
"""
    call = f"EXECUTE FUNCTION quotas_of_{table}()"
    yield f"""CREATE TRIGGER quotas_came AFTER INSERT ON {table} REFERENCING NEW TABLE AS came
FOR EACH STATEMENT {call}"""
    yield f"""CREATE TRIGGER quotas_gone AFTER DELETE ON {table} REFERENCING OLD TABLE AS went
FOR EACH STATEMENT {call}"""
    if changes := SOURCES[table].changes:
        differs = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in changes)
        yield f"""CREATE TRIGGER quotas_changed AFTER UPDATE ON {table} FOR EACH ROW
WHEN ({differs}) {call}"""


def _of_parent(parent: str) -> Iterator[str]:
    children = [name for name, source in SOURCES.items() if source.parent == parent]
    # Before a row goes, what it holds: afterwards nobody could say whose it was.
    drops = "".join(
        f"  DELETE FROM {name} t WHERE t.{SOURCES[name].link} = OLD.id;\n"  # noqa: S608  # our own words
        for name in children
    )
    yield f"""
CREATE OR REPLACE FUNCTION quotas_before_{parent}_goes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
{drops}  RETURN OLD;
END $$
"""
    yield f"""CREATE TRIGGER quotas_goes BEFORE DELETE ON {parent} FOR EACH ROW
EXECUTE FUNCTION quotas_before_{parent}_goes()"""
    yield f"""
CREATE OR REPLACE FUNCTION quotas_when_{parent}_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM quotas_lock(ARRAY[OLD.owner_id, NEW.owner_id]);
{"".join(_handed_over(name) for name in children)}{_repository_handed_over(parent)}  RETURN NULL;
END $$
"""
    yield f"""CREATE TRIGGER quotas_moves AFTER UPDATE OF owner_id ON {parent} FOR EACH ROW
WHEN (OLD.owner_id IS DISTINCT FROM NEW.owner_id)
EXECUTE FUNCTION quotas_when_{parent}_moves()"""


def _handed_over(table: str) -> str:
    are_files = str(SOURCES[table].is_file).lower()
    rows = f"({charged(table, table)}) s WHERE s.parent_id = NEW.id;\n"
    return (
        "  PERFORM quotas_add(array_agg(NEW.owner_id), array_agg(s.key), array_agg(s.size), "
        f"{are_files}) FROM {rows}"
        "  PERFORM quotas_remove(array_agg(OLD.owner_id), array_agg(s.key), "
        f"{are_files}) FROM {rows}"
    )


def _repository_handed_over(parent: str) -> str:
    if parent != "hub_repository":
        return ""
    return (
        "  UPDATE quotas_usage SET repositories = repositories\n"
        "    + CASE WHEN account_id = NEW.owner_id THEN 1 ELSE -1 END\n"
        "  WHERE account_id IN (OLD.owner_id, NEW.owner_id);\n"
    )


def references() -> str:
    """Return a query of everything charged: account, content, size, and whether it is a file."""
    return " UNION ALL ".join(
        f"SELECT account_id, key, size, {str(source.is_file).lower()} AS is_file, "  # noqa: S608  # our own words
        f"'{name}' AS source FROM ({charged(name, name)}) s"
        for name, source in SOURCES.items()
    )


# What the counters should be.
_STORED = f"""
WITH refs AS MATERIALIZED ({references()}),
contents AS (
  SELECT account_id, key, max(size) AS size FROM refs WHERE key IS NOT NULL GROUP BY 1, 2
), bytes AS (SELECT account_id, sum(size)::bigint AS bytes FROM contents GROUP BY 1),
files AS (SELECT account_id, count(*) AS files FROM refs WHERE is_file GROUP BY 1),
repositories AS (
  SELECT owner_id AS account_id, count(*) AS repositories FROM hub_repository GROUP BY 1
), stored AS (
  SELECT account_id, coalesce(bytes, 0) AS bytes, coalesce(files, 0) AS files,
    coalesce(repositories, 0) AS repositories
  FROM bytes FULL JOIN files USING (account_id) FULL JOIN repositories USING (account_id)
)
"""  # noqa: S608  # our own words
# One statement sees one moment, so nobody has to wait while it adds up.
DRIFT = f"""{_STORED}
SELECT account_id, coalesce(u.bytes, 0) AS counted_bytes, coalesce(s.bytes, 0) AS bytes,
  coalesce(u.files, 0) AS counted_files, coalesce(s.files, 0) AS files,
  coalesce(u.repositories, 0) AS counted_repositories, coalesce(s.repositories, 0) AS repositories
FROM stored s FULL JOIN quotas_usage u USING (account_id)
WHERE (coalesce(u.bytes, 0), coalesce(u.files, 0), coalesce(u.repositories, 0))
  <> (coalesce(s.bytes, 0), coalesce(s.files, 0), coalesce(s.repositories, 0))
ORDER BY account_id
"""  # noqa: S608  # our own words
# Counts everything anew; whoever writes waits until it is done.
REBUILD = (
    f"LOCK TABLE {', '.join((*SOURCES, 'hub_repository'))} IN SHARE ROW EXCLUSIVE MODE",
    "DELETE FROM quotas_content",
    f"""INSERT INTO quotas_usage (account_id)
SELECT DISTINCT account_id FROM ({references()}) r
UNION SELECT owner_id FROM hub_repository ON CONFLICT DO NOTHING""",  # noqa: S608  # our own words
    f"""INSERT INTO quotas_content (account_id, key, size, uses)
SELECT account_id, key, max(size), count(*) FROM ({references()}) r
WHERE key IS NOT NULL GROUP BY 1, 2""",  # noqa: S608  # our own words
    f"""{_STORED}
UPDATE quotas_usage u SET bytes = coalesce(s.bytes, 0), files = coalesce(s.files, 0),
  repositories = coalesce(s.repositories, 0)
FROM quotas_usage a LEFT JOIN stored s USING (account_id) WHERE a.account_id = u.account_id""",  # noqa: S608  # our own words
)
