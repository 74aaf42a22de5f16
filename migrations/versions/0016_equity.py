"""What the account was worth, minute by minute: the equity curve.

Revision ID: 0016
Revises: 0015
Create Date: 2026-11-27
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "bot_equity",
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("equity", sa.Numeric(), nullable=False),
        sa.Column("open_pnl", sa.Numeric()),
        sa.PrimaryKeyConstraint("mode", "at"),
    )


def downgrade():
    op.drop_table("bot_equity")
