"""What the ledger needs: one trade for each order, whether an entry filled, and requests that came before.

Revision ID: 0002
Revises: 0001
Create Date: 2026-11-20
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("bot_trade", sa.Column("mode", sa.Text(), nullable=True))
    op.add_column(
        "bot_trade", sa.Column("filled", sa.Boolean(), server_default=sa.text("true"), nullable=False)
    )
    op.add_column("bot_trade", sa.Column("alpaca_exit_order_id", sa.Text(), nullable=True))
    op.create_index(
        "ix_bot_trade_order",
        "bot_trade",
        ["alpaca_order_id"],
        unique=True,
        postgresql_where=sa.text("alpaca_order_id IS NOT NULL"),
    )
    op.create_index(
        "ix_bot_trade_exit_order",
        "bot_trade",
        ["alpaca_exit_order_id"],
        unique=True,
        postgresql_where=sa.text("alpaca_exit_order_id IS NOT NULL"),
    )
    op.create_table(
        "bot_ledger_request",
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("trade_id", sa.UUID(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["trade_id"], ["bot_trade.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("actor", "key"),
    )


def downgrade():
    op.drop_table("bot_ledger_request")
    op.drop_index("ix_bot_trade_exit_order", "bot_trade")
    op.drop_index("ix_bot_trade_order", "bot_trade")
    op.drop_column("bot_trade", "alpaca_exit_order_id")
    op.drop_column("bot_trade", "filled")
    op.drop_column("bot_trade", "mode")
