"""Offer names by their beginning.

Expand first, contract one release later: the release before this one must run on the new schema.
"""

import sqlalchemy as sa
from alembic import op


revision = 'd41f0c6be827'
down_revision = '5be1d07c9a24'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_index('ix_accounts_account_display', 'accounts_account', [sa.literal_column('lower(display_name) text_pattern_ops')], unique=False, postgresql_where=sa.text("display_name <> ''"))
    op.create_index('ix_hub_repository_public_names', 'hub_repository', ['kind', 'name_key'], unique=False, postgresql_ops={'name_key': 'text_pattern_ops'}, postgresql_where=sa.text('NOT private'))
    op.create_index('ix_questions_question_title', 'questions_question', [sa.literal_column('lower(title) text_pattern_ops')], unique=False)


def downgrade() -> None:
    """Take it back."""
    op.drop_index('ix_questions_question_title', table_name='questions_question')
    op.drop_index('ix_hub_repository_public_names', table_name='hub_repository', postgresql_where=sa.text('NOT private'))
    op.drop_index('ix_accounts_account_display', table_name='accounts_account', postgresql_where=sa.text("display_name <> ''"))
