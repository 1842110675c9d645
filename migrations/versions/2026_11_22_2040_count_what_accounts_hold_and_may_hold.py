"""Count what accounts hold and may hold.

Expand first, contract one release later: the release before this one must run on the new schema.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0190f823670e'
down_revision = 'f156e134dd5f'
branch_labels = None
depends_on = None

_FUNCTIONS = (
    "quotas_lock",
    "quotas_add",
    "quotas_remove",
    "quotas_repositories",
    "quotas_of_hub_repo_lfs",
    "quotas_of_hub_path_head",
    "quotas_of_buckets_file",
    "quotas_of_buckets_arrival",
    "quotas_of_jobs_artifact",
    "quotas_of_tutorials_picture",
    "quotas_before_hub_repository_goes",
    "quotas_when_hub_repository_moves",
    "quotas_before_buckets_bucket_goes",
    "quotas_when_buckets_bucket_moves",
    "quotas_before_jobs_job_goes",
    "quotas_when_jobs_job_moves",
    "quotas_before_tutorials_tutorial_goes",
    "quotas_when_tutorials_tutorial_moves",
)
_STATEMENTS = (
    """CREATE OR REPLACE FUNCTION quotas_lock(accounts bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO quotas_usage (account_id)
    SELECT a.id FROM accounts_account a WHERE a.id = ANY (accounts)
      AND NOT EXISTS (SELECT FROM quotas_usage u WHERE u.account_id = a.id)
    ORDER BY a.id ON CONFLICT DO NOTHING;
  PERFORM FROM quotas_usage u WHERE u.account_id = ANY (accounts) ORDER BY u.account_id FOR UPDATE;
END $$""",
    """CREATE OR REPLACE FUNCTION quotas_add(
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
END $$""",
    """CREATE OR REPLACE FUNCTION quotas_remove(
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
END $$""",
    """CREATE OR REPLACE FUNCTION quotas_repositories() RETURNS trigger LANGUAGE plpgsql AS $$
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
END $$""",
    """CREATE OR REPLACE FUNCTION quotas_of_hub_repo_lfs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN PERFORM quotas_add(array_agg(s.account_id), array_agg(s.key), array_agg(s.size), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, o.size::bigint AS size, t.repository_id AS parent_id FROM came t JOIN hub_repository p ON p.id = t.repository_id JOIN hub_lfs_object o ON o.sha256 = t.sha256 WHERE p.owner_id IS NOT NULL AND (true)) s;
  ELSIF TG_OP = 'DELETE' THEN PERFORM quotas_remove(array_agg(s.account_id), array_agg(s.key), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, o.size::bigint AS size, t.repository_id AS parent_id FROM went t JOIN hub_repository p ON p.id = t.repository_id JOIN hub_lfs_object o ON o.sha256 = t.sha256 WHERE p.owner_id IS NOT NULL AND (true)) s;
  ELSE
    PERFORM quotas_add(array_agg(s.account_id), array_agg(s.key), array_agg(s.size), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, o.size::bigint AS size, t.repository_id AS parent_id FROM (SELECT NEW.*) t JOIN hub_repository p ON p.id = t.repository_id JOIN hub_lfs_object o ON o.sha256 = t.sha256 WHERE p.owner_id IS NOT NULL AND (true)) s;
    PERFORM quotas_remove(array_agg(s.account_id), array_agg(s.key), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, o.size::bigint AS size, t.repository_id AS parent_id FROM (SELECT OLD.*) t JOIN hub_repository p ON p.id = t.repository_id JOIN hub_lfs_object o ON o.sha256 = t.sha256 WHERE p.owner_id IS NOT NULL AND (true)) s;
  END IF;
  RETURN NULL;
END $$""",
    """CREATE TRIGGER quotas_came AFTER INSERT ON hub_repo_lfs REFERENCING NEW TABLE AS came
FOR EACH STATEMENT EXECUTE FUNCTION quotas_of_hub_repo_lfs()""",
    """CREATE TRIGGER quotas_gone AFTER DELETE ON hub_repo_lfs REFERENCING OLD TABLE AS went
FOR EACH STATEMENT EXECUTE FUNCTION quotas_of_hub_repo_lfs()""",
    """CREATE OR REPLACE FUNCTION quotas_of_hub_path_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN PERFORM quotas_add(array_agg(s.account_id), array_agg(s.key), array_agg(s.size), true) FROM (SELECT p.owner_id AS account_id, CASE WHEN t.lfs_sha256 IS NULL THEN 'git:' || t.oid END AS key, t.size::bigint AS size, t.repository_id AS parent_id FROM came t JOIN hub_repository p ON p.id = t.repository_id  WHERE p.owner_id IS NOT NULL AND (NOT t.is_folder)) s;
  ELSIF TG_OP = 'DELETE' THEN PERFORM quotas_remove(array_agg(s.account_id), array_agg(s.key), true) FROM (SELECT p.owner_id AS account_id, CASE WHEN t.lfs_sha256 IS NULL THEN 'git:' || t.oid END AS key, t.size::bigint AS size, t.repository_id AS parent_id FROM went t JOIN hub_repository p ON p.id = t.repository_id  WHERE p.owner_id IS NOT NULL AND (NOT t.is_folder)) s;
  ELSE
    PERFORM quotas_add(array_agg(s.account_id), array_agg(s.key), array_agg(s.size), true) FROM (SELECT p.owner_id AS account_id, CASE WHEN t.lfs_sha256 IS NULL THEN 'git:' || t.oid END AS key, t.size::bigint AS size, t.repository_id AS parent_id FROM (SELECT NEW.*) t JOIN hub_repository p ON p.id = t.repository_id  WHERE p.owner_id IS NOT NULL AND (NOT t.is_folder)) s;
    PERFORM quotas_remove(array_agg(s.account_id), array_agg(s.key), true) FROM (SELECT p.owner_id AS account_id, CASE WHEN t.lfs_sha256 IS NULL THEN 'git:' || t.oid END AS key, t.size::bigint AS size, t.repository_id AS parent_id FROM (SELECT OLD.*) t JOIN hub_repository p ON p.id = t.repository_id  WHERE p.owner_id IS NOT NULL AND (NOT t.is_folder)) s;
  END IF;
  RETURN NULL;
END $$""",
    """CREATE TRIGGER quotas_came AFTER INSERT ON hub_path_head REFERENCING NEW TABLE AS came
FOR EACH STATEMENT EXECUTE FUNCTION quotas_of_hub_path_head()""",
    """CREATE TRIGGER quotas_gone AFTER DELETE ON hub_path_head REFERENCING OLD TABLE AS went
FOR EACH STATEMENT EXECUTE FUNCTION quotas_of_hub_path_head()""",
    """CREATE TRIGGER quotas_changed AFTER UPDATE ON hub_path_head FOR EACH ROW
WHEN (OLD.oid IS DISTINCT FROM NEW.oid OR OLD.is_folder IS DISTINCT FROM NEW.is_folder) EXECUTE FUNCTION quotas_of_hub_path_head()""",
    """CREATE OR REPLACE FUNCTION quotas_of_buckets_file() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN PERFORM quotas_add(array_agg(s.account_id), array_agg(s.key), array_agg(s.size), true) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.bucket_id AS parent_id FROM came t JOIN buckets_bucket p ON p.id = t.bucket_id  WHERE p.owner_id IS NOT NULL AND (true)) s;
  ELSIF TG_OP = 'DELETE' THEN PERFORM quotas_remove(array_agg(s.account_id), array_agg(s.key), true) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.bucket_id AS parent_id FROM went t JOIN buckets_bucket p ON p.id = t.bucket_id  WHERE p.owner_id IS NOT NULL AND (true)) s;
  ELSE
    PERFORM quotas_add(array_agg(s.account_id), array_agg(s.key), array_agg(s.size), true) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.bucket_id AS parent_id FROM (SELECT NEW.*) t JOIN buckets_bucket p ON p.id = t.bucket_id  WHERE p.owner_id IS NOT NULL AND (true)) s;
    PERFORM quotas_remove(array_agg(s.account_id), array_agg(s.key), true) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.bucket_id AS parent_id FROM (SELECT OLD.*) t JOIN buckets_bucket p ON p.id = t.bucket_id  WHERE p.owner_id IS NOT NULL AND (true)) s;
  END IF;
  RETURN NULL;
END $$""",
    """CREATE TRIGGER quotas_came AFTER INSERT ON buckets_file REFERENCING NEW TABLE AS came
FOR EACH STATEMENT EXECUTE FUNCTION quotas_of_buckets_file()""",
    """CREATE TRIGGER quotas_gone AFTER DELETE ON buckets_file REFERENCING OLD TABLE AS went
FOR EACH STATEMENT EXECUTE FUNCTION quotas_of_buckets_file()""",
    """CREATE TRIGGER quotas_changed AFTER UPDATE ON buckets_file FOR EACH ROW
WHEN (OLD.sha256 IS DISTINCT FROM NEW.sha256) EXECUTE FUNCTION quotas_of_buckets_file()""",
    """CREATE OR REPLACE FUNCTION quotas_of_buckets_arrival() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN PERFORM quotas_add(array_agg(s.account_id), array_agg(s.key), array_agg(s.size), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.bucket_id AS parent_id FROM came t JOIN buckets_bucket p ON p.id = t.bucket_id  WHERE p.owner_id IS NOT NULL AND (true)) s;
  ELSIF TG_OP = 'DELETE' THEN PERFORM quotas_remove(array_agg(s.account_id), array_agg(s.key), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.bucket_id AS parent_id FROM went t JOIN buckets_bucket p ON p.id = t.bucket_id  WHERE p.owner_id IS NOT NULL AND (true)) s;
  ELSE
    PERFORM quotas_add(array_agg(s.account_id), array_agg(s.key), array_agg(s.size), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.bucket_id AS parent_id FROM (SELECT NEW.*) t JOIN buckets_bucket p ON p.id = t.bucket_id  WHERE p.owner_id IS NOT NULL AND (true)) s;
    PERFORM quotas_remove(array_agg(s.account_id), array_agg(s.key), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.bucket_id AS parent_id FROM (SELECT OLD.*) t JOIN buckets_bucket p ON p.id = t.bucket_id  WHERE p.owner_id IS NOT NULL AND (true)) s;
  END IF;
  RETURN NULL;
END $$""",
    """CREATE TRIGGER quotas_came AFTER INSERT ON buckets_arrival REFERENCING NEW TABLE AS came
FOR EACH STATEMENT EXECUTE FUNCTION quotas_of_buckets_arrival()""",
    """CREATE TRIGGER quotas_gone AFTER DELETE ON buckets_arrival REFERENCING OLD TABLE AS went
FOR EACH STATEMENT EXECUTE FUNCTION quotas_of_buckets_arrival()""",
    """CREATE TRIGGER quotas_changed AFTER UPDATE ON buckets_arrival FOR EACH ROW
WHEN (OLD.sha256 IS DISTINCT FROM NEW.sha256) EXECUTE FUNCTION quotas_of_buckets_arrival()""",
    """CREATE OR REPLACE FUNCTION quotas_of_jobs_artifact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN PERFORM quotas_add(array_agg(s.account_id), array_agg(s.key), array_agg(s.size), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.job_id AS parent_id FROM came t JOIN jobs_job p ON p.id = t.job_id  WHERE p.owner_id IS NOT NULL AND (true)) s;
  ELSIF TG_OP = 'DELETE' THEN PERFORM quotas_remove(array_agg(s.account_id), array_agg(s.key), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.job_id AS parent_id FROM went t JOIN jobs_job p ON p.id = t.job_id  WHERE p.owner_id IS NOT NULL AND (true)) s;
  ELSE
    PERFORM quotas_add(array_agg(s.account_id), array_agg(s.key), array_agg(s.size), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.job_id AS parent_id FROM (SELECT NEW.*) t JOIN jobs_job p ON p.id = t.job_id  WHERE p.owner_id IS NOT NULL AND (true)) s;
    PERFORM quotas_remove(array_agg(s.account_id), array_agg(s.key), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.job_id AS parent_id FROM (SELECT OLD.*) t JOIN jobs_job p ON p.id = t.job_id  WHERE p.owner_id IS NOT NULL AND (true)) s;
  END IF;
  RETURN NULL;
END $$""",
    """CREATE TRIGGER quotas_came AFTER INSERT ON jobs_artifact REFERENCING NEW TABLE AS came
FOR EACH STATEMENT EXECUTE FUNCTION quotas_of_jobs_artifact()""",
    """CREATE TRIGGER quotas_gone AFTER DELETE ON jobs_artifact REFERENCING OLD TABLE AS went
FOR EACH STATEMENT EXECUTE FUNCTION quotas_of_jobs_artifact()""",
    """CREATE TRIGGER quotas_changed AFTER UPDATE ON jobs_artifact FOR EACH ROW
WHEN (OLD.sha256 IS DISTINCT FROM NEW.sha256) EXECUTE FUNCTION quotas_of_jobs_artifact()""",
    """CREATE OR REPLACE FUNCTION quotas_of_tutorials_picture() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN PERFORM quotas_add(array_agg(s.account_id), array_agg(s.key), array_agg(s.size), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.tutorial_id AS parent_id FROM came t JOIN tutorials_tutorial p ON p.id = t.tutorial_id  WHERE p.owner_id IS NOT NULL AND (true)) s;
  ELSIF TG_OP = 'DELETE' THEN PERFORM quotas_remove(array_agg(s.account_id), array_agg(s.key), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.tutorial_id AS parent_id FROM went t JOIN tutorials_tutorial p ON p.id = t.tutorial_id  WHERE p.owner_id IS NOT NULL AND (true)) s;
  ELSE
    PERFORM quotas_add(array_agg(s.account_id), array_agg(s.key), array_agg(s.size), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.tutorial_id AS parent_id FROM (SELECT NEW.*) t JOIN tutorials_tutorial p ON p.id = t.tutorial_id  WHERE p.owner_id IS NOT NULL AND (true)) s;
    PERFORM quotas_remove(array_agg(s.account_id), array_agg(s.key), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.tutorial_id AS parent_id FROM (SELECT OLD.*) t JOIN tutorials_tutorial p ON p.id = t.tutorial_id  WHERE p.owner_id IS NOT NULL AND (true)) s;
  END IF;
  RETURN NULL;
END $$""",
    """CREATE TRIGGER quotas_came AFTER INSERT ON tutorials_picture REFERENCING NEW TABLE AS came
FOR EACH STATEMENT EXECUTE FUNCTION quotas_of_tutorials_picture()""",
    """CREATE TRIGGER quotas_gone AFTER DELETE ON tutorials_picture REFERENCING OLD TABLE AS went
FOR EACH STATEMENT EXECUTE FUNCTION quotas_of_tutorials_picture()""",
    """CREATE TRIGGER quotas_changed AFTER UPDATE ON tutorials_picture FOR EACH ROW
WHEN (OLD.sha256 IS DISTINCT FROM NEW.sha256) EXECUTE FUNCTION quotas_of_tutorials_picture()""",
    """CREATE OR REPLACE FUNCTION quotas_before_hub_repository_goes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM hub_repo_lfs t WHERE t.repository_id = OLD.id;
  DELETE FROM hub_path_head t WHERE t.repository_id = OLD.id;
  RETURN OLD;
END $$""",
    """CREATE TRIGGER quotas_goes BEFORE DELETE ON hub_repository FOR EACH ROW
EXECUTE FUNCTION quotas_before_hub_repository_goes()""",
    """CREATE OR REPLACE FUNCTION quotas_when_hub_repository_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM quotas_lock(ARRAY[OLD.owner_id, NEW.owner_id]);
  PERFORM quotas_add(array_agg(NEW.owner_id), array_agg(s.key), array_agg(s.size), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, o.size::bigint AS size, t.repository_id AS parent_id FROM hub_repo_lfs t JOIN hub_repository p ON p.id = t.repository_id JOIN hub_lfs_object o ON o.sha256 = t.sha256 WHERE p.owner_id IS NOT NULL AND (true)) s WHERE s.parent_id = NEW.id;
  PERFORM quotas_remove(array_agg(OLD.owner_id), array_agg(s.key), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, o.size::bigint AS size, t.repository_id AS parent_id FROM hub_repo_lfs t JOIN hub_repository p ON p.id = t.repository_id JOIN hub_lfs_object o ON o.sha256 = t.sha256 WHERE p.owner_id IS NOT NULL AND (true)) s WHERE s.parent_id = NEW.id;
  PERFORM quotas_add(array_agg(NEW.owner_id), array_agg(s.key), array_agg(s.size), true) FROM (SELECT p.owner_id AS account_id, CASE WHEN t.lfs_sha256 IS NULL THEN 'git:' || t.oid END AS key, t.size::bigint AS size, t.repository_id AS parent_id FROM hub_path_head t JOIN hub_repository p ON p.id = t.repository_id  WHERE p.owner_id IS NOT NULL AND (NOT t.is_folder)) s WHERE s.parent_id = NEW.id;
  PERFORM quotas_remove(array_agg(OLD.owner_id), array_agg(s.key), true) FROM (SELECT p.owner_id AS account_id, CASE WHEN t.lfs_sha256 IS NULL THEN 'git:' || t.oid END AS key, t.size::bigint AS size, t.repository_id AS parent_id FROM hub_path_head t JOIN hub_repository p ON p.id = t.repository_id  WHERE p.owner_id IS NOT NULL AND (NOT t.is_folder)) s WHERE s.parent_id = NEW.id;
  UPDATE quotas_usage SET repositories = repositories
    + CASE WHEN account_id = NEW.owner_id THEN 1 ELSE -1 END
  WHERE account_id IN (OLD.owner_id, NEW.owner_id);
  RETURN NULL;
END $$""",
    """CREATE TRIGGER quotas_moves AFTER UPDATE OF owner_id ON hub_repository FOR EACH ROW
WHEN (OLD.owner_id IS DISTINCT FROM NEW.owner_id)
EXECUTE FUNCTION quotas_when_hub_repository_moves()""",
    """CREATE OR REPLACE FUNCTION quotas_before_buckets_bucket_goes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM buckets_file t WHERE t.bucket_id = OLD.id;
  DELETE FROM buckets_arrival t WHERE t.bucket_id = OLD.id;
  RETURN OLD;
END $$""",
    """CREATE TRIGGER quotas_goes BEFORE DELETE ON buckets_bucket FOR EACH ROW
EXECUTE FUNCTION quotas_before_buckets_bucket_goes()""",
    """CREATE OR REPLACE FUNCTION quotas_when_buckets_bucket_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM quotas_lock(ARRAY[OLD.owner_id, NEW.owner_id]);
  PERFORM quotas_add(array_agg(NEW.owner_id), array_agg(s.key), array_agg(s.size), true) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.bucket_id AS parent_id FROM buckets_file t JOIN buckets_bucket p ON p.id = t.bucket_id  WHERE p.owner_id IS NOT NULL AND (true)) s WHERE s.parent_id = NEW.id;
  PERFORM quotas_remove(array_agg(OLD.owner_id), array_agg(s.key), true) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.bucket_id AS parent_id FROM buckets_file t JOIN buckets_bucket p ON p.id = t.bucket_id  WHERE p.owner_id IS NOT NULL AND (true)) s WHERE s.parent_id = NEW.id;
  PERFORM quotas_add(array_agg(NEW.owner_id), array_agg(s.key), array_agg(s.size), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.bucket_id AS parent_id FROM buckets_arrival t JOIN buckets_bucket p ON p.id = t.bucket_id  WHERE p.owner_id IS NOT NULL AND (true)) s WHERE s.parent_id = NEW.id;
  PERFORM quotas_remove(array_agg(OLD.owner_id), array_agg(s.key), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.bucket_id AS parent_id FROM buckets_arrival t JOIN buckets_bucket p ON p.id = t.bucket_id  WHERE p.owner_id IS NOT NULL AND (true)) s WHERE s.parent_id = NEW.id;
  RETURN NULL;
END $$""",
    """CREATE TRIGGER quotas_moves AFTER UPDATE OF owner_id ON buckets_bucket FOR EACH ROW
WHEN (OLD.owner_id IS DISTINCT FROM NEW.owner_id)
EXECUTE FUNCTION quotas_when_buckets_bucket_moves()""",
    """CREATE OR REPLACE FUNCTION quotas_before_jobs_job_goes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM jobs_artifact t WHERE t.job_id = OLD.id;
  RETURN OLD;
END $$""",
    """CREATE TRIGGER quotas_goes BEFORE DELETE ON jobs_job FOR EACH ROW
EXECUTE FUNCTION quotas_before_jobs_job_goes()""",
    """CREATE OR REPLACE FUNCTION quotas_when_jobs_job_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM quotas_lock(ARRAY[OLD.owner_id, NEW.owner_id]);
  PERFORM quotas_add(array_agg(NEW.owner_id), array_agg(s.key), array_agg(s.size), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.job_id AS parent_id FROM jobs_artifact t JOIN jobs_job p ON p.id = t.job_id  WHERE p.owner_id IS NOT NULL AND (true)) s WHERE s.parent_id = NEW.id;
  PERFORM quotas_remove(array_agg(OLD.owner_id), array_agg(s.key), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.job_id AS parent_id FROM jobs_artifact t JOIN jobs_job p ON p.id = t.job_id  WHERE p.owner_id IS NOT NULL AND (true)) s WHERE s.parent_id = NEW.id;
  RETURN NULL;
END $$""",
    """CREATE TRIGGER quotas_moves AFTER UPDATE OF owner_id ON jobs_job FOR EACH ROW
WHEN (OLD.owner_id IS DISTINCT FROM NEW.owner_id)
EXECUTE FUNCTION quotas_when_jobs_job_moves()""",
    """CREATE OR REPLACE FUNCTION quotas_before_tutorials_tutorial_goes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM tutorials_picture t WHERE t.tutorial_id = OLD.id;
  RETURN OLD;
END $$""",
    """CREATE TRIGGER quotas_goes BEFORE DELETE ON tutorials_tutorial FOR EACH ROW
EXECUTE FUNCTION quotas_before_tutorials_tutorial_goes()""",
    """CREATE OR REPLACE FUNCTION quotas_when_tutorials_tutorial_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM quotas_lock(ARRAY[OLD.owner_id, NEW.owner_id]);
  PERFORM quotas_add(array_agg(NEW.owner_id), array_agg(s.key), array_agg(s.size), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.tutorial_id AS parent_id FROM tutorials_picture t JOIN tutorials_tutorial p ON p.id = t.tutorial_id  WHERE p.owner_id IS NOT NULL AND (true)) s WHERE s.parent_id = NEW.id;
  PERFORM quotas_remove(array_agg(OLD.owner_id), array_agg(s.key), false) FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.tutorial_id AS parent_id FROM tutorials_picture t JOIN tutorials_tutorial p ON p.id = t.tutorial_id  WHERE p.owner_id IS NOT NULL AND (true)) s WHERE s.parent_id = NEW.id;
  RETURN NULL;
END $$""",
    """CREATE TRIGGER quotas_moves AFTER UPDATE OF owner_id ON tutorials_tutorial FOR EACH ROW
WHEN (OLD.owner_id IS DISTINCT FROM NEW.owner_id)
EXECUTE FUNCTION quotas_when_tutorials_tutorial_moves()""",
    """CREATE TRIGGER quotas_came AFTER INSERT ON hub_repository REFERENCING NEW TABLE AS came
FOR EACH STATEMENT EXECUTE FUNCTION quotas_repositories()""",
    """CREATE TRIGGER quotas_gone AFTER DELETE ON hub_repository REFERENCING OLD TABLE AS went
FOR EACH STATEMENT EXECUTE FUNCTION quotas_repositories()""",
)
# What is there already.
_COUNT = (
    """LOCK TABLE hub_repo_lfs, hub_path_head, buckets_file, buckets_arrival, jobs_artifact, tutorials_picture, hub_repository IN SHARE ROW EXCLUSIVE MODE""",
    """DELETE FROM quotas_content""",
    """INSERT INTO quotas_usage (account_id)
SELECT DISTINCT account_id FROM (SELECT account_id, key, size, false AS is_file, 'hub_repo_lfs' AS source FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, o.size::bigint AS size, t.repository_id AS parent_id FROM hub_repo_lfs t JOIN hub_repository p ON p.id = t.repository_id JOIN hub_lfs_object o ON o.sha256 = t.sha256 WHERE p.owner_id IS NOT NULL AND (true)) s UNION ALL SELECT account_id, key, size, true AS is_file, 'hub_path_head' AS source FROM (SELECT p.owner_id AS account_id, CASE WHEN t.lfs_sha256 IS NULL THEN 'git:' || t.oid END AS key, t.size::bigint AS size, t.repository_id AS parent_id FROM hub_path_head t JOIN hub_repository p ON p.id = t.repository_id  WHERE p.owner_id IS NOT NULL AND (NOT t.is_folder)) s UNION ALL SELECT account_id, key, size, true AS is_file, 'buckets_file' AS source FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.bucket_id AS parent_id FROM buckets_file t JOIN buckets_bucket p ON p.id = t.bucket_id  WHERE p.owner_id IS NOT NULL AND (true)) s UNION ALL SELECT account_id, key, size, false AS is_file, 'buckets_arrival' AS source FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.bucket_id AS parent_id FROM buckets_arrival t JOIN buckets_bucket p ON p.id = t.bucket_id  WHERE p.owner_id IS NOT NULL AND (true)) s UNION ALL SELECT account_id, key, size, false AS is_file, 'jobs_artifact' AS source FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.job_id AS parent_id FROM jobs_artifact t JOIN jobs_job p ON p.id = t.job_id  WHERE p.owner_id IS NOT NULL AND (true)) s UNION ALL SELECT account_id, key, size, false AS is_file, 'tutorials_picture' AS source FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.tutorial_id AS parent_id FROM tutorials_picture t JOIN tutorials_tutorial p ON p.id = t.tutorial_id  WHERE p.owner_id IS NOT NULL AND (true)) s) r
UNION SELECT owner_id FROM hub_repository ON CONFLICT DO NOTHING""",
    """INSERT INTO quotas_content (account_id, key, size, uses)
SELECT account_id, key, max(size), count(*) FROM (SELECT account_id, key, size, false AS is_file, 'hub_repo_lfs' AS source FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, o.size::bigint AS size, t.repository_id AS parent_id FROM hub_repo_lfs t JOIN hub_repository p ON p.id = t.repository_id JOIN hub_lfs_object o ON o.sha256 = t.sha256 WHERE p.owner_id IS NOT NULL AND (true)) s UNION ALL SELECT account_id, key, size, true AS is_file, 'hub_path_head' AS source FROM (SELECT p.owner_id AS account_id, CASE WHEN t.lfs_sha256 IS NULL THEN 'git:' || t.oid END AS key, t.size::bigint AS size, t.repository_id AS parent_id FROM hub_path_head t JOIN hub_repository p ON p.id = t.repository_id  WHERE p.owner_id IS NOT NULL AND (NOT t.is_folder)) s UNION ALL SELECT account_id, key, size, true AS is_file, 'buckets_file' AS source FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.bucket_id AS parent_id FROM buckets_file t JOIN buckets_bucket p ON p.id = t.bucket_id  WHERE p.owner_id IS NOT NULL AND (true)) s UNION ALL SELECT account_id, key, size, false AS is_file, 'buckets_arrival' AS source FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.bucket_id AS parent_id FROM buckets_arrival t JOIN buckets_bucket p ON p.id = t.bucket_id  WHERE p.owner_id IS NOT NULL AND (true)) s UNION ALL SELECT account_id, key, size, false AS is_file, 'jobs_artifact' AS source FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.job_id AS parent_id FROM jobs_artifact t JOIN jobs_job p ON p.id = t.job_id  WHERE p.owner_id IS NOT NULL AND (true)) s UNION ALL SELECT account_id, key, size, false AS is_file, 'tutorials_picture' AS source FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.tutorial_id AS parent_id FROM tutorials_picture t JOIN tutorials_tutorial p ON p.id = t.tutorial_id  WHERE p.owner_id IS NOT NULL AND (true)) s) r
WHERE key IS NOT NULL GROUP BY 1, 2""",
    """WITH refs AS MATERIALIZED (SELECT account_id, key, size, false AS is_file, 'hub_repo_lfs' AS source FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, o.size::bigint AS size, t.repository_id AS parent_id FROM hub_repo_lfs t JOIN hub_repository p ON p.id = t.repository_id JOIN hub_lfs_object o ON o.sha256 = t.sha256 WHERE p.owner_id IS NOT NULL AND (true)) s UNION ALL SELECT account_id, key, size, true AS is_file, 'hub_path_head' AS source FROM (SELECT p.owner_id AS account_id, CASE WHEN t.lfs_sha256 IS NULL THEN 'git:' || t.oid END AS key, t.size::bigint AS size, t.repository_id AS parent_id FROM hub_path_head t JOIN hub_repository p ON p.id = t.repository_id  WHERE p.owner_id IS NOT NULL AND (NOT t.is_folder)) s UNION ALL SELECT account_id, key, size, true AS is_file, 'buckets_file' AS source FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.bucket_id AS parent_id FROM buckets_file t JOIN buckets_bucket p ON p.id = t.bucket_id  WHERE p.owner_id IS NOT NULL AND (true)) s UNION ALL SELECT account_id, key, size, false AS is_file, 'buckets_arrival' AS source FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.bucket_id AS parent_id FROM buckets_arrival t JOIN buckets_bucket p ON p.id = t.bucket_id  WHERE p.owner_id IS NOT NULL AND (true)) s UNION ALL SELECT account_id, key, size, false AS is_file, 'jobs_artifact' AS source FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.job_id AS parent_id FROM jobs_artifact t JOIN jobs_job p ON p.id = t.job_id  WHERE p.owner_id IS NOT NULL AND (true)) s UNION ALL SELECT account_id, key, size, false AS is_file, 'tutorials_picture' AS source FROM (SELECT p.owner_id AS account_id, t.sha256 AS key, t.size::bigint AS size, t.tutorial_id AS parent_id FROM tutorials_picture t JOIN tutorials_tutorial p ON p.id = t.tutorial_id  WHERE p.owner_id IS NOT NULL AND (true)) s),
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

UPDATE quotas_usage u SET bytes = coalesce(s.bytes, 0), files = coalesce(s.files, 0),
  repositories = coalesce(s.repositories, 0)
FROM quotas_usage a LEFT JOIN stored s USING (account_id) WHERE a.account_id = u.account_id""",
)


def upgrade() -> None:
    """Apply the change."""
    # ### commands auto generated by Alembic - please adjust! ###
    op.create_table('quotas_crossing',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('account_id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Enum('bytes', 'files', 'repositories', 'queued_jobs', 'running_jobs', 'gpu_seconds', 'streams', name='kind', native_enum=False, length=16), nullable=False),
    sa.Column('crossed_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts_account.id'], name=op.f('fk_quotas_crossing_account_id_accounts_account'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_quotas_crossing'))
    )
    op.create_index('uq_quotas_crossing', 'quotas_crossing', ['account_id', 'kind'], unique=True)
    op.create_table('quotas_day',
    sa.Column('account_id', sa.BigInteger(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('gpu_s', sa.Float(), server_default=sa.text('0'), nullable=False),
    sa.Column('cpu_s', sa.Float(), server_default=sa.text('0'), nullable=False),
    sa.Column('bytes', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['account_id'], ['accounts_account.id'], name=op.f('fk_quotas_day_account_id_accounts_account'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('account_id', 'day', name=op.f('pk_quotas_day'))
    )
    op.create_table('quotas_limit',
    sa.Column('account_id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Enum('bytes', 'files', 'repositories', 'queued_jobs', 'running_jobs', 'gpu_seconds', 'streams', name='kind', native_enum=False, length=16), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts_account.id'], name=op.f('fk_quotas_limit_account_id_accounts_account'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('account_id', 'kind', name=op.f('pk_quotas_limit'))
    )
    op.create_table('quotas_limit_change',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('account_id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Enum('bytes', 'files', 'repositories', 'queued_jobs', 'running_jobs', 'gpu_seconds', 'streams', name='kind', native_enum=False, length=16), nullable=False),
    sa.Column('before', sa.BigInteger(), nullable=True),
    sa.Column('after', sa.BigInteger(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('by_id', sa.BigInteger(), nullable=True),
    sa.Column('changed_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts_account.id'], name=op.f('fk_quotas_limit_change_account_id_accounts_account'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['by_id'], ['accounts_account.id'], name=op.f('fk_quotas_limit_change_by_id_accounts_account'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_quotas_limit_change'))
    )
    op.create_index('ix_quotas_limit_change_account', 'quotas_limit_change', ['account_id', 'id'], unique=False)
    op.create_table('quotas_usage',
    sa.Column('account_id', sa.BigInteger(), nullable=False),
    sa.Column('bytes', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('files', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('repositories', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('share_s', sa.Float(), server_default=sa.text('0'), nullable=False),
    sa.Column('share_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text("'epoch'"), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['accounts_account.id'], name=op.f('fk_quotas_usage_account_id_accounts_account'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('account_id', name=op.f('pk_quotas_usage'))
    )
    op.create_table('quotas_content',
    sa.Column('account_id', sa.BigInteger(), nullable=False),
    sa.Column('key', sa.Text(collation='C'), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('uses', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['quotas_usage.account_id'], name=op.f('fk_quotas_content_account_id_quotas_usage'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('account_id', 'key', name=op.f('pk_quotas_content'))
    )
    # ### end Alembic commands ###
    for statement in (*_STATEMENTS, *_COUNT):
        op.execute(statement)


def downgrade() -> None:
    """Take it back."""
    for name in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {name} CASCADE")
    # ### commands auto generated by Alembic - please adjust! ###
    op.drop_table('quotas_content')
    op.drop_table('quotas_usage')
    op.drop_index('ix_quotas_limit_change_account', table_name='quotas_limit_change')
    op.drop_table('quotas_limit_change')
    op.drop_table('quotas_limit')
    op.drop_table('quotas_day')
    op.drop_index('uq_quotas_crossing', table_name='quotas_crossing')
    op.drop_table('quotas_crossing')
    # ### end Alembic commands ###
