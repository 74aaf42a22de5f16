"""Flattens, and accounts at which Pitboss had new orders rejected.

Revision ID: 0008
Revises: 0007
Create Date: 2026-11-27
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.text("now()")

NOTIFY = """
CREATE TRIGGER {table}_changed AFTER INSERT OR UPDATE OR DELETE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION bot_changes_notify();
"""

# A kill that does not flatten tells what stays open: as last read at the broker, and of trades that were opened since.
ALERT = """
CREATE OR REPLACE FUNCTION bot_command_alert() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
BEGIN
    INSERT INTO bot_alert (kind, facts) VALUES (
        CASE NEW.kind WHEN 'kill' THEN 'killed' WHEN 'rearm' THEN 'rearmed' WHEN 'stop' THEN 'stopped'
            ELSE 'started' END,
        jsonb_build_object(
            'commandId', NEW.id, 'actor', NEW.actor, 'source', NEW.source, 'reason', NEW.reason, 'mode', NEW.mode,
            'fromState', NEW.from_state, 'toState', NEW.to_state, 'revision', NEW.revision){more});
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'the alert about command % was not stored: %', NEW.id, SQLERRM;
    RETURN NULL;
END $$;
"""
STAYS_OPEN = """
            || CASE WHEN NEW.kind = 'kill' AND NEW.params -> 'flatten' IS DISTINCT FROM 'true' THEN jsonb_build_object(
                'staysOpen', (SELECT coalesce(jsonb_agg(symbol ORDER BY symbol), '[]') FROM (
                    SELECT position ->> 'symbol' AS symbol
                    FROM bot_broker_reading reading, jsonb_array_elements(reading.positions) AS position
                    WHERE reading.mode = NEW.mode AND jsonb_typeof(reading.positions) = 'array'
                    UNION (SELECT symbol FROM bot_trade WHERE status = 'open' LIMIT 200)
                    LIMIT 20) AS open)) ELSE '{}' END"""


def upgrade():
    op.execute(ALERT.replace("{more}", STAYS_OPEN))
    op.create_table(
        "bot_flatten",
        sa.Column("command_id", postgresql.UUID(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("symbols", postgresql.JSONB()),
        sa.Column("state", sa.Text(), server_default="working", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("orders_left", sa.Integer()),
        sa.Column("positions_left", postgresql.JSONB()),
        sa.Column("closing_orders", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("retries", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("found_flat_at", TIME),
        sa.Column("told_at", TIME),
        sa.Column("leased_until", TIME),
        sa.Column("next_round_at", TIME, server_default=NOW, nullable=False),
        sa.Column("started_at", TIME, server_default=NOW, nullable=False),
        sa.Column("finished_at", TIME),
        sa.ForeignKeyConstraint(["command_id"], ["bot_command.id"]),
        sa.PrimaryKeyConstraint("command_id"),
    )
    op.create_index(
        "ix_bot_flatten_at_work",
        "bot_flatten",
        [sa.text("(true)")],
        unique=True,
        postgresql_where=sa.text("state IN ('working', 'waiting_for_open')"),
    )
    op.create_index("ix_bot_flatten_started", "bot_flatten", ["started_at"])
    op.create_table(
        "bot_suspension",
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("suspended_at", TIME),
        sa.Column("error", sa.Text()),
        sa.Column("next_attempt_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("mode"),
    )
    for table in ("bot_flatten", "bot_suspension"):
        op.execute(NOTIFY.format(table=table))


def downgrade():
    op.execute(ALERT.replace("{more}", ""))
    op.drop_table("bot_suspension")
    op.drop_table("bot_flatten")
