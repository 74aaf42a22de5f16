"""Alerts to several destinations, each with its own attempts; alerts about trades where they are asked for.

Revision ID: 0011
Revises: 0010
Create Date: 2026-11-27
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")

# Only for connections that ask for it (ALERT_TRADES): a trading day of others pays nothing for it. As with every alert,
# what cannot be stored keeps nobody from trading.
ALERT_TRADE = """
CREATE FUNCTION bot_trade_alert() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
DECLARE
    trade bot_trade;
BEGIN
    SELECT * INTO trade FROM bot_trade WHERE id = NEW.trade_id;
    IF NOT trade.filled THEN
        RETURN NULL;  -- reserved, or ordered
    END IF;
    INSERT INTO bot_alert (kind, facts) VALUES (
        CASE NEW.kind WHEN 'closed' THEN 'trade_closed' ELSE 'trade_entered' END,
        jsonb_build_object(
            'tradeId', trade.id, 'symbol', trade.symbol, 'shares', trade.shares::text, 'mode', trade.mode,
            'entryPrice', trade.entry_price::text, 'exitPrice', trade.exit_price::text, 'pnl', trade.pnl::text,
            'exitReason', trade.exit_reason, 'actor', NEW.actor));
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'the alert about trade % was not stored: %', NEW.trade_id, SQLERRM;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER bot_trade_alert AFTER INSERT ON bot_trade_event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (
        NEW.kind IN ('opened', 'entry_recorded', 'adopted', 'closed') AND current_setting('pitboss.alert_trades', true) = 'on'
    ) EXECUTE FUNCTION bot_trade_alert();
"""


def upgrade():
    op.create_table(
        "bot_alert_destination",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("since", TIME, server_default=NOW, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("next_attempt_at", TIME, server_default=NOW, nullable=False),
        sa.Column("leased_until", TIME, nullable=True),
        sa.Column("delivered_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "bot_alert_delivery",
        sa.Column("alert_id", postgresql.UUID(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("at", TIME, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["bot_alert.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("alert_id", "destination"),
    )
    op.create_index("ix_bot_alert_created_at", "bot_alert", ["created_at"])
    op.execute(ALERT_TRADE)


def downgrade():
    op.execute("DROP TRIGGER bot_trade_alert ON bot_trade_event")
    op.execute("DROP FUNCTION bot_trade_alert()")
    op.drop_index("ix_bot_alert_created_at", "bot_alert")
    op.drop_table("bot_alert_delivery")
    op.drop_table("bot_alert_destination")
