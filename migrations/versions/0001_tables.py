"""The tables, and the rules that Postgres itself holds.

Revision ID: 0001
Revises:
Create Date: 2026-11-20
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# The log is the audit trail: what is finished stays as it is, and nothing leaves it.
GUARD_LOG = """
CREATE FUNCTION bot_command_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'the command log keeps every command' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status <> 'queued' THEN
        RAISE EXCEPTION 'command % is finished (%) and never changes', OLD.id, OLD.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.id, NEW.seq, NEW.kind, NEW.params, NEW.actor, NEW.source)
        IS DISTINCT FROM (OLD.id, OLD.seq, OLD.kind, OLD.params, OLD.actor, OLD.source) THEN
        RAISE EXCEPTION 'what command % asked for never changes', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER bot_command_guard BEFORE UPDATE OR DELETE ON bot_command
    FOR EACH ROW EXECUTE FUNCTION bot_command_guard();
CREATE TRIGGER bot_command_guard_all BEFORE TRUNCATE ON bot_command
    FOR EACH STATEMENT EXECUTE FUNCTION bot_command_guard();
"""

# Whoever waits for an outcome, or shows the status, hears of it when it is committed.
NOTIFY = """
CREATE FUNCTION bot_command_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('pitboss_commands', NEW.id || ' ' || NEW.status);
    RETURN NULL;
END $$;
CREATE TRIGGER bot_command_accepted AFTER INSERT ON bot_command
    FOR EACH ROW EXECUTE FUNCTION bot_command_notify();
CREATE TRIGGER bot_command_finished AFTER UPDATE ON bot_command
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION bot_command_notify();

CREATE FUNCTION bot_changes_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('pitboss_changes', TG_TABLE_NAME);
    RETURN NULL;
END $$;
CREATE TRIGGER bot_config_changed AFTER UPDATE ON bot_config
    FOR EACH ROW EXECUTE FUNCTION bot_changes_notify();
CREATE TRIGGER bot_trade_changed AFTER INSERT OR UPDATE OR DELETE ON bot_trade
    FOR EACH STATEMENT EXECUTE FUNCTION bot_changes_notify();
CREATE TRIGGER bot_daily_stats_changed AFTER INSERT OR UPDATE OR DELETE ON bot_daily_stats
    FOR EACH STATEMENT EXECUTE FUNCTION bot_changes_notify();
CREATE TRIGGER bot_reconciliation_changed AFTER INSERT ON bot_reconciliation
    FOR EACH STATEMENT EXECUTE FUNCTION bot_changes_notify();
"""

# A reconciliation has to know what changed while it read; programs that write SQL of their own included.
TOUCH_TRADE = """
CREATE FUNCTION bot_trade_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER bot_trade_touch BEFORE INSERT OR UPDATE ON bot_trade
    FOR EACH ROW EXECUTE FUNCTION bot_trade_touch();
"""

# A trade that is being inserted holds off a mode switch until it is visible, whichever program inserts it.
HOLD_OFF = """
CREATE FUNCTION bot_trade_hold_off() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM bot_config WHERE id = 'singleton' FOR SHARE;
    RETURN NULL;
END $$;
CREATE TRIGGER bot_trade_hold_off BEFORE INSERT ON bot_trade
    FOR EACH STATEMENT EXECUTE FUNCTION bot_trade_hold_off();
"""
FUNCTIONS = (
    "bot_command_guard",
    "bot_command_notify",
    "bot_changes_notify",
    "bot_trade_touch",
    "bot_trade_hold_off",
)


def upgrade():
    op.create_table(
        "bot_command",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "params", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=True),
        sa.Column("mode", sa.Text(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("error_details", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "issued_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gathering_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'applied') = (revision IS NOT NULL)", name="bot_command_applied_has_a_revision"
        ),
        sa.CheckConstraint(
            "(status = 'queued') = (finished_at IS NULL)", name="bot_command_finished_has_a_time"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("revision", name="bot_command_revision_is_unique"),
        sa.UniqueConstraint("seq", name="bot_command_seq_is_unique"),
    )
    op.create_index(
        "ix_bot_command_idempotency",
        "bot_command",
        ["actor", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.create_index(
        "ix_bot_command_pending",
        "bot_command",
        ["seq"],
        unique=False,
        postgresql_where=sa.text("status = 'queued'"),
    )

    op.create_table(
        "bot_config",
        sa.Column("id", sa.Text(), server_default="singleton", nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("state", sa.Text(), server_default="stopped", nullable=False),
        sa.Column("mode", sa.Text(), server_default="paper", nullable=False),
        sa.Column("killed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kill_reason", sa.Text(), nullable=True),
        sa.Column("revision", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("halt_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reconciled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reconcile_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reconcile_trigger", sa.Text(), nullable=True),
        sa.Column("reconcile_failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("paper_account_id", sa.Text(), nullable=True),
        sa.Column("live_account_id", sa.Text(), nullable=True),
        sa.Column("position_size_usd", sa.Numeric(), server_default=sa.text("500"), nullable=False),
        sa.Column("confidence_multiplier_high", sa.Numeric(), server_default=sa.text("2.0"), nullable=False),
        sa.Column("confidence_multiplier_med", sa.Numeric(), server_default=sa.text("1.0"), nullable=False),
        sa.Column("confidence_multiplier_low", sa.Numeric(), server_default=sa.text("0.5"), nullable=False),
        sa.Column("max_concurrent_positions", sa.Integer(), server_default=sa.text("3"), nullable=False),
        sa.Column("daily_loss_limit_usd", sa.Numeric(), server_default=sa.text("500"), nullable=False),
        sa.Column("min_win_rate", sa.Numeric(), server_default=sa.text("0.5"), nullable=False),
        sa.Column("hard_stop_loss_pct", sa.Numeric(), server_default=sa.text("7.0"), nullable=False),
        sa.Column("max_hold_duration_sec", sa.Integer(), server_default=sa.text("300"), nullable=False),
        sa.Column("enabled_catalyst_tiers", sa.Text(), server_default="1,2,3,4", nullable=False),
        sa.Column("max_float_shares", sa.BigInteger(), server_default=sa.text("20000000"), nullable=False),
        sa.Column("max_share_price", sa.Numeric(), server_default=sa.text("20"), nullable=False),
        sa.Column("min_relative_volume", sa.Numeric(), server_default=sa.text("5"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("id = 'singleton'", name="bot_config_is_one_row"),
        sa.CheckConstraint("killed_at IS NULL OR state = 'stopped'", name="bot_config_killed_is_stopped"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "bot_daily_stats",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("realized_pnl", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("trade_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("day_trade_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("date", name="bot_daily_stats_one_row_a_day"),
    )
    op.create_table(
        "bot_trade",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("entry_price", sa.Numeric(), nullable=False),
        sa.Column("exit_price", sa.Numeric(), nullable=True),
        sa.Column("shares", sa.Numeric(), nullable=False),
        sa.Column("pnl", sa.Numeric(), nullable=True),
        sa.Column("catalyst_type", sa.Text(), nullable=True),
        sa.Column("catalyst_tier", sa.Integer(), nullable=True),
        sa.Column("exit_reason", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("alpaca_order_id", sa.Text(), nullable=True),
        sa.Column("entry_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("exit_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("catalyst_tier BETWEEN 1 AND 4", name="bot_trade_tier_is_1_to_4"),
        sa.CheckConstraint("entry_price > 0", name="bot_trade_entry_price_is_positive"),
        sa.CheckConstraint("shares <> 0", name="bot_trade_has_shares"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_bot_trade_created_at", "bot_trade", ["created_at"], unique=False)
    op.create_index(
        "ix_bot_trade_open",
        "bot_trade",
        ["symbol"],
        unique=False,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("ix_bot_trade_status", "bot_trade", ["status"], unique=False)
    op.create_index("ix_bot_trade_symbol", "bot_trade", ["symbol"], unique=False)

    op.create_table(
        "bot_worker",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "last_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "bot_reconciliation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("command_id", sa.UUID(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "finished_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("open_trades", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("broker_positions", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("matched", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("missed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("in_flight", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "differences",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["command_id"],
            ["bot_command.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_bot_reconciliation_finished_at", "bot_reconciliation", ["finished_at"], unique=False)

    for sql in (GUARD_LOG, NOTIFY, TOUCH_TRADE, HOLD_OFF):
        op.execute(sql)
    op.execute("INSERT INTO bot_config (id) VALUES ('singleton') ON CONFLICT DO NOTHING")


def downgrade():
    op.drop_index("ix_bot_reconciliation_finished_at", "bot_reconciliation")

    op.drop_table("bot_reconciliation")
    op.drop_table("bot_worker")
    op.drop_index("ix_bot_trade_symbol", "bot_trade")
    op.drop_index("ix_bot_trade_status", "bot_trade")
    op.drop_index("ix_bot_trade_open", "bot_trade")
    op.drop_index("ix_bot_trade_created_at", "bot_trade")

    op.drop_table("bot_trade")
    op.drop_table("bot_daily_stats")
    op.drop_table("bot_config")
    op.drop_index("ix_bot_command_pending", "bot_command")
    op.drop_index("ix_bot_command_idempotency", "bot_command")

    op.drop_table("bot_command")
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}()")
