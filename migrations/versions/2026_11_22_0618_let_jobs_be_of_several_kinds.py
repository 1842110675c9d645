"""Let jobs be of several kinds.

Expand first, contract one release later: the release before this one must run on the new schema.
"""

import sqlalchemy as sa
from alembic import op

revision = 'eac43d9a1fd3'
down_revision = '5d0c6a1f7e42'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.add_column('jobs_job', sa.Column('kind', sa.Text(), server_default='fine-tune', nullable=False))


def downgrade() -> None:
    """Take it back."""
    op.drop_column('jobs_job', 'kind')
