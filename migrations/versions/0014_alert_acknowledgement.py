"""Who acknowledged an alert, alerts that are told to the panel at once, and trades by the time of their entry.

Revision ID: 0014
Revises: 0013
Create Date: 2026-11-27
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

NOTIFY = """
CREATE TRIGGER bot_alert_changed AFTER INSERT OR UPDATE OF acknowledged_at ON bot_alert
    FOR EACH STATEMENT EXECUTE FUNCTION bot_changes_notify();
"""


def upgrade():
    op.add_column("bot_alert", sa.Column("acknowledged_at", sa.DateTime(timezone=True)))
    op.add_column("bot_alert", sa.Column("acknowledged_by", sa.Text()))
    op.execute(NOTIFY)
    op.create_index("ix_bot_trade_entry_at", "bot_trade", ["entry_at"])


def downgrade():
    op.drop_index("ix_bot_trade_entry_at", "bot_trade")
    op.execute("DROP TRIGGER bot_alert_changed ON bot_alert")
    op.drop_column("bot_alert", "acknowledged_by")
    op.drop_column("bot_alert", "acknowledged_at")
