"""Books that follow the broker: exits one by one, events of trades, statistics by mode, what the broker last said, positions
that are not the bot's.

Revision ID: 0006
Revises: 0005
Create Date: 2026-11-27
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
COUNTS = ("open_trades", "broker_positions", "matched", "missed", "in_flight")
NEW_COUNTS = ("suspect", "booked", "corrected", "voided")

# What happened to a trade is evidence, as the command log is.
GUARD_EVENTS = """
CREATE FUNCTION bot_trade_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events of trades are kept as they are' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER bot_trade_event_guard BEFORE UPDATE OR DELETE ON bot_trade_event
    FOR EACH ROW EXECUTE FUNCTION bot_trade_event_guard();
CREATE TRIGGER bot_trade_event_guard_all BEFORE TRUNCATE ON bot_trade_event
    FOR EACH STATEMENT EXECUTE FUNCTION bot_trade_event_guard();
"""

NOTIFY = """
CREATE TRIGGER bot_broker_reading_changed AFTER INSERT OR UPDATE ON bot_broker_reading
    FOR EACH STATEMENT EXECUTE FUNCTION bot_changes_notify();
"""

# Closed trades of before have one exit each: all of it, at the average price.
EXITS_OF_CLOSED = """
INSERT INTO bot_trade_exit (trade_id, shares, price, at, order_id, pnl, source, created_at)
SELECT id, shares, exit_price, exit_at, alpaca_exit_order_id, pnl, 'ledger', exit_at
FROM bot_trade
WHERE status = 'closed' AND exit_price > 0 AND exit_at IS NOT NULL AND pnl IS NOT NULL;
UPDATE bot_trade SET exited_shares = shares WHERE id IN (SELECT trade_id FROM bot_trade_exit);
"""

# A row of before added both modes up: what the live trades of its date made becomes a row of its own, the rest is paper's.
STATS_BY_MODE = """
UPDATE bot_daily_stats SET mode = 'paper';
INSERT INTO bot_daily_stats (date, mode, realized_pnl, trade_count, day_trade_count, created_at, updated_at)
SELECT stats.date, 'live', sum(trade.pnl), count(*),
    count(*) FILTER (WHERE timezone('America/New_York', trade.entry_at)::date = stats.date),
    stats.created_at, stats.updated_at
FROM bot_daily_stats stats
JOIN bot_trade trade ON timezone('America/New_York', trade.exit_at)::date = stats.date
WHERE trade.mode = 'live' AND trade.pnl IS NOT NULL
GROUP BY stats.date, stats.created_at, stats.updated_at;
UPDATE bot_daily_stats paper SET
    realized_pnl = paper.realized_pnl - live.realized_pnl,
    trade_count = paper.trade_count - live.trade_count,
    day_trade_count = paper.day_trade_count - live.day_trade_count
FROM bot_daily_stats live
WHERE live.date = paper.date AND live.mode = 'live' AND paper.mode = 'paper';
DELETE FROM bot_daily_stats
WHERE mode = 'paper' AND realized_pnl = 0 AND trade_count = 0 AND day_trade_count = 0
    AND date IN (SELECT date FROM bot_daily_stats WHERE mode = 'live');
"""

STATS_ADDED_UP = """
UPDATE bot_daily_stats paper SET
    realized_pnl = paper.realized_pnl + live.realized_pnl,
    trade_count = paper.trade_count + live.trade_count,
    day_trade_count = paper.day_trade_count + live.day_trade_count
FROM bot_daily_stats live
WHERE live.date = paper.date AND live.mode = 'live' AND paper.mode = 'paper';
DELETE FROM bot_daily_stats live USING bot_daily_stats paper
WHERE live.date = paper.date AND live.mode = 'live' AND paper.mode = 'paper';
"""

# A difference is told once for each symbol, however long it lasts: by what the last reading before this one already had.
ALERT_NEW_SYMBOLS = """
CREATE OR REPLACE FUNCTION bot_reconciliation_alert() RETURNS trigger LANGUAGE plpgsql
    SET lock_timeout = '250ms' AS $$
DECLARE
    report bot_reconciliation;
    before bot_reconciliation;
    known jsonb := '[]';
    was text := 'reconciled';
    verdict text;
BEGIN
    SELECT * INTO report FROM bot_reconciliation WHERE id = NEW.id;
    SELECT * INTO before FROM bot_reconciliation WHERE id < NEW.id ORDER BY id DESC LIMIT 1;
    IF FOUND THEN
        was := bot_reconciliation_verdict(before);
        SELECT jsonb_path_query_array(differences, '$[*].symbol') INTO known FROM bot_reconciliation
            WHERE id < NEW.id AND outcome = 'ok' ORDER BY id DESC LIMIT 1;
    END IF;
    verdict := bot_reconciliation_verdict(report);
    IF verdict <> was OR NOT coalesce(known, '[]') @> jsonb_path_query_array(report.differences, '$[*].symbol') THEN
        INSERT INTO bot_alert (kind, facts) VALUES (
            verdict,
            jsonb_build_object(
                'reconciliationId', report.id, 'mode', report.mode, 'trigger', report.trigger,
                'errorCode', report.error_code, 'error', report.error,
                'differences', jsonb_path_query_array(report.differences, '$[0 to 19]')));
    END IF;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'the alert about reconciliation % was not stored: %', NEW.id, SQLERRM;
    RETURN NULL;
END $$;
"""

ALERT_NEW_VERDICT = """
CREATE OR REPLACE FUNCTION bot_reconciliation_alert() RETURNS trigger LANGUAGE plpgsql
    SET lock_timeout = '250ms' AS $$
DECLARE
    report bot_reconciliation;
    before bot_reconciliation;
    was text := 'reconciled';
BEGIN
    SELECT * INTO report FROM bot_reconciliation WHERE id = NEW.id;
    SELECT * INTO before FROM bot_reconciliation WHERE id < NEW.id ORDER BY id DESC LIMIT 1;
    IF FOUND THEN
        was := bot_reconciliation_verdict(before);
    END IF;
    IF bot_reconciliation_verdict(report) <> was THEN
        INSERT INTO bot_alert (kind, facts) VALUES (
            bot_reconciliation_verdict(report),
            jsonb_build_object(
                'reconciliationId', report.id, 'mode', report.mode, 'trigger', report.trigger,
                'errorCode', report.error_code, 'error', report.error,
                'differences', jsonb_path_query_array(report.differences, '$[0 to 19]')));
    END IF;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'the alert about reconciliation % was not stored: %', NEW.id, SQLERRM;
    RETURN NULL;
END $$;
"""


def upgrade():
    op.add_column("bot_config", sa.Column("agreed_at", TIME))
    op.add_column("bot_config", sa.Column("gate_closed_by", sa.Text()))
    op.add_column(
        "bot_config",
        sa.Column("count_open_loss", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    )
    op.execute("UPDATE bot_config SET agreed_at = reconciled_at")

    op.add_column("bot_trade", sa.Column("asset_id", sa.Text()))
    op.add_column(
        "bot_trade", sa.Column("exited_shares", sa.Numeric(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("bot_trade", sa.Column("adjusted_at", TIME))
    op.add_column("bot_trade", sa.Column("acknowledged_at", TIME))
    # what was missed before this release is known, and is not asked about again
    op.execute("UPDATE bot_trade SET acknowledged_at = updated_at WHERE status = 'missed'")
    op.create_index(
        "ix_bot_trade_unsettled",
        "bot_trade",
        ["id"],
        postgresql_where="status = 'missed' AND filled AND acknowledged_at IS NULL",
    )

    op.create_table(
        "bot_trade_exit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("trade_id", sa.UUID(), nullable=False),
        sa.Column("shares", sa.Numeric(), nullable=False),
        sa.Column("price", sa.Numeric(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("order_id", sa.Text()),
        sa.Column("fill_id", sa.Text()),
        sa.Column("pnl", sa.Numeric(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("shares <> 0", name="bot_trade_exit_has_shares"),
        sa.CheckConstraint("price > 0", name="bot_trade_exit_price_is_positive"),
        sa.ForeignKeyConstraint(["trade_id"], ["bot_trade.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_bot_trade_exit_trade", "bot_trade_exit", ["trade_id"])
    op.create_index(
        "ix_bot_trade_exit_of_order", "bot_trade_exit", ["order_id"], postgresql_where="order_id IS NOT NULL"
    )
    op.create_index("ix_bot_trade_exit_made_at", "bot_trade_exit", ["at"])
    op.create_index(
        "ix_bot_trade_exit_fill",
        "bot_trade_exit",
        ["trade_id", "fill_id"],
        unique=True,
        postgresql_where="fill_id IS NOT NULL",
    )
    op.execute(EXITS_OF_CLOSED)

    op.create_table(
        "bot_trade_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("trade_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("after", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("command_id", sa.UUID()),
        sa.Column("request_key", sa.Text()),
        sa.Column("at", TIME, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_bot_trade_event_trade", "bot_trade_event", ["trade_id", "id"])
    op.execute(GUARD_EVENTS)

    op.create_table(
        "bot_suspect",
        sa.Column("trade_id", sa.UUID(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.ForeignKeyConstraint(["trade_id"], ["bot_trade.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("trade_id"),
    )
    op.create_table(
        "bot_ignored_position",
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Text()),
        sa.Column("shares", sa.Numeric(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("command_id", sa.UUID()),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("mode", "symbol"),
    )
    op.create_table(
        "bot_broker_reading",
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("read_at", TIME, nullable=False),
        sa.Column("account", postgresql.JSONB(), nullable=False),
        sa.Column("positions", postgresql.JSONB()),
        sa.Column("open_pnl", sa.Numeric()),
        sa.Column("market_open", sa.Boolean(), nullable=False),
        sa.Column("next_open", TIME),
        sa.Column("next_close", TIME),
        sa.PrimaryKeyConstraint("mode"),
    )
    op.execute(NOTIFY)

    op.add_column("bot_daily_stats", sa.Column("mode", sa.Text()))
    op.drop_constraint("bot_daily_stats_one_row_a_day", "bot_daily_stats")
    op.execute(STATS_BY_MODE)
    op.alter_column("bot_daily_stats", "mode", nullable=False)
    op.create_unique_constraint("bot_daily_stats_one_row_a_day_and_mode", "bot_daily_stats", ["date", "mode"])

    for name in COUNTS:
        op.alter_column("bot_reconciliation", name, nullable=True, server_default=None)
    for name in NEW_COUNTS:
        op.add_column("bot_reconciliation", sa.Column(name, sa.Integer()))
    op.add_column(
        "bot_reconciliation", sa.Column("requests", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    # a failed attempt knows nothing: its zeros were not counted
    op.execute(
        "UPDATE bot_reconciliation SET open_trades = NULL, broker_positions = NULL, matched = NULL, missed = NULL,"
        " in_flight = NULL WHERE outcome = 'failed'"
    )
    op.execute(ALERT_NEW_SYMBOLS)


def downgrade():
    op.execute(ALERT_NEW_VERDICT)
    op.drop_column("bot_reconciliation", "requests")
    for name in NEW_COUNTS:
        op.drop_column("bot_reconciliation", name)
    for name in COUNTS:
        op.execute(f"UPDATE bot_reconciliation SET {name} = coalesce({name}, 0)")  # noqa: S608 - made of constants
        op.alter_column("bot_reconciliation", name, nullable=False, server_default=sa.text("0"))

    op.drop_constraint("bot_daily_stats_one_row_a_day_and_mode", "bot_daily_stats")
    op.execute(STATS_ADDED_UP)
    op.create_unique_constraint("bot_daily_stats_one_row_a_day", "bot_daily_stats", ["date"])
    op.drop_column("bot_daily_stats", "mode")

    for table in ("bot_broker_reading", "bot_ignored_position", "bot_suspect", "bot_trade_event"):
        op.drop_table(table)
    op.execute("DROP FUNCTION bot_trade_event_guard()")
    op.drop_table("bot_trade_exit")
    op.drop_index("ix_bot_trade_unsettled", "bot_trade")
    for name in ("acknowledged_at", "adjusted_at", "exited_shares", "asset_id"):
        op.drop_column("bot_trade", name)
    for name in ("count_open_loss", "gate_closed_by", "agreed_at"):
        op.drop_column("bot_config", name)
