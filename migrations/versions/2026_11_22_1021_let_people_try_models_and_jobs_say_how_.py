"""Let people try models and jobs say how many processes they need.

Expand first, contract one release later: the release before this one must run on the new schema.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '05a69048f98a'
down_revision = '92e0cae029fd'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table('playground_request',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('repository_id', sa.BigInteger(), nullable=False),
    sa.Column('commit', sa.Text(), nullable=False),
    sa.Column('task', sa.Text(), nullable=False),
    sa.Column('texts', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=True),
    sa.Column('expires_at', postgresql.TIMESTAMP(timezone=True), nullable=False),
    sa.Column('answer', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
    sa.Column('taken_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('answered_at', postgresql.TIMESTAMP(timezone=True), nullable=True),
    sa.Column('created_at', postgresql.TIMESTAMP(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.ForeignKeyConstraint(['repository_id'], ['hub_repository.id'], name=op.f('fk_playground_request_repository_id_hub_repository'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_playground_request'))
    )
    op.create_index('ix_playground_request_open', 'playground_request', ['id'], unique=False, postgresql_where=sa.text('taken_at IS NULL'))
    op.create_index(op.f('ix_playground_request_repository_id'), 'playground_request', ['repository_id'], unique=False)
    op.add_column('jobs_job', sa.Column('processes', sa.Integer(), server_default=sa.text('1'), nullable=False))


def downgrade() -> None:
    """Take it back."""
    op.drop_column('jobs_job', 'processes')
    op.drop_index(op.f('ix_playground_request_repository_id'), table_name='playground_request')
    op.drop_index('ix_playground_request_open', table_name='playground_request', postgresql_where=sa.text('taken_at IS NULL'))
    op.drop_table('playground_request')
