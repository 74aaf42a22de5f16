"""Which attempt to reconcile decides about the gate; indexes for the day's closed trades and for the report of a command,
without one that no query uses.

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-21
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade():
    for name in ("gate_closed_at", "reconcile_began_at"):
        op.add_column("bot_config", sa.Column(name, sa.DateTime(timezone=True)))
    # databases of the first days have this one, which is not in 0001 any more
    op.execute("DROP INDEX IF EXISTS ix_bot_trade_updated_at")
    op.create_index("ix_bot_trade_exit_at", "bot_trade", ["exit_at"], postgresql_where="pnl IS NOT NULL")
    op.create_index(
        "ix_bot_reconciliation_command",
        "bot_reconciliation",
        ["command_id"],
        postgresql_where="command_id IS NOT NULL",
    )
    op.drop_index("ix_bot_reconciliation_finished_at", "bot_reconciliation")


def downgrade():
    op.create_index("ix_bot_reconciliation_finished_at", "bot_reconciliation", ["finished_at"])
    op.drop_index("ix_bot_reconciliation_command", "bot_reconciliation")
    op.drop_index("ix_bot_trade_exit_at", "bot_trade")
    for name in ("reconcile_began_at", "gate_closed_at"):
        op.drop_column("bot_config", name)
