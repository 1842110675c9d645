"""Name the measure of every run.

Runs were judged by accuracy alone; now each names its measure. What earlier runs left is rewritten
in the new words.
"""

from alembic import op

revision = "5d0c6a1f7e42"
down_revision = "2b4036ce6cf9"
branch_labels = None
depends_on = None

_EPOCHS = """
UPDATE jobs_event SET payload = payload - 'train_accuracy' - 'validation_accuracy'
  || jsonb_build_object('metric', 'accuracy', 'train_value', payload->'train_accuracy',
                        'validation_value', payload->'validation_accuracy')
WHERE kind = 'EpochFinished' AND payload ? 'validation_accuracy'
"""
_ENDS = """
UPDATE jobs_event SET payload = payload - 'accuracy' - 'accuracy_low' - 'accuracy_high'
  || jsonb_build_object('metric', 'accuracy', 'value', payload->'accuracy',
                        'low', payload->'accuracy_low', 'high', payload->'accuracy_high')
WHERE kind = 'RunFinished' AND payload ? 'accuracy'
"""
_RESULTS = """
UPDATE jobs_job SET result = jsonb_set(result, '{splits}', (
  SELECT jsonb_object_agg(split.key, split.value
    || jsonb_build_object(
      'metric', 'accuracy', 'value', split.value->'accuracy',
      'low', split.value->'accuracy_low', 'high', split.value->'accuracy_high',
      'values', jsonb_build_object(
        'accuracy', split.value->'accuracy',
        'balanced_accuracy', split.value->'balanced_accuracy',
        'f1_macro', split.value->'f1_macro')))
  FROM jsonb_each(result->'splits') AS split))
WHERE jsonb_typeof(result->'splits') = 'object' AND result->'splits' <> '{}'
  AND jsonb_path_exists(result, '$.splits.*.accuracy')
"""


def upgrade() -> None:
    """Apply the change. The old words of results stay beside the new ones for the old code."""
    for statement in (_EPOCHS, _ENDS, _RESULTS):
        op.execute(statement)


def downgrade() -> None:
    """Nothing is taken back: the new words are read by nobody before."""
