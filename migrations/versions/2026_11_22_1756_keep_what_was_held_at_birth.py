"""Keep what was held at birth.

Expand first, contract one release later: the release before this one must run on the new schema.
"""

import sqlalchemy as sa
from alembic import op


revision = '5be1d07c9a24'
down_revision = '265a18824cb9'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.add_column('comments_comment', sa.Column('held_at_birth', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    # What waits now: until this release, held within five seconds meant held at birth.
    op.execute(
        "UPDATE comments_comment SET held_at_birth = true"
        " WHERE held_at IS NOT NULL AND held_at - created_at < interval '5 seconds'"
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_column('comments_comment', 'held_at_birth')
