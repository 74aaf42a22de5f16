"""What operating takes: tallies of finished commands for the metrics, the outbox of alerts, conditions that last.

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-20
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

#: Bounds of the buckets in seconds, as bot.tally has them.
BOUNDS = "ARRAY[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]::double precision[]"

# Neither metrics nor alerts may be the reason that a command, a kill perhaps, is not applied: what fails here is a
# warning in Postgres's log, and what is locked is not waited for.
TALLY = f"""
CREATE FUNCTION bot_command_tally() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
DECLARE
    took double precision := greatest(extract(epoch FROM NEW.finished_at - NEW.issued_at), 0);
    slot integer := width_bucket(took, {BOUNDS}) + 1;
    counts bigint[] := array_fill(0::bigint, ARRAY[13]);
BEGIN
    counts[slot] := 1;
    INSERT INTO bot_command_tally AS tally (kind, status, count, seconds, buckets)
        VALUES (NEW.kind, NEW.status, 1, took, counts)
        ON CONFLICT (kind, status) DO UPDATE
        SET count = tally.count + 1, seconds = tally.seconds + took, buckets[slot] = tally.buckets[slot] + 1;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'command % was not counted: %', NEW.id, SQLERRM;
    RETURN NULL;
END $$;
CREATE TRIGGER bot_command_tally AFTER UPDATE ON bot_command
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION bot_command_tally();
"""  # noqa: S608 - made of constants

# What was finished before this release counts as well.
COUNT_THE_LOG = f"""
INSERT INTO bot_command_tally (kind, status, count, seconds, buckets)
SELECT kind, status, count(*), sum(took),
    ARRAY[{", ".join(f"count(*) FILTER (WHERE slot = {slot})" for slot in range(1, 14))}]
FROM (
    SELECT kind, status, took, width_bucket(took, {BOUNDS}) + 1 AS slot FROM (
        SELECT kind, status, greatest(extract(epoch FROM finished_at - issued_at), 0)::double precision AS took
        FROM bot_command WHERE status <> 'queued'
    ) finished
) sorted GROUP BY kind, status
"""  # noqa: S608 - made of constants

ALERT_COMMAND = """
CREATE FUNCTION bot_command_alert() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
BEGIN
    INSERT INTO bot_alert (kind, facts) VALUES (
        CASE NEW.kind WHEN 'kill' THEN 'killed' WHEN 'rearm' THEN 'rearmed' WHEN 'stop' THEN 'stopped'
            ELSE 'started' END,
        jsonb_build_object(
            'commandId', NEW.id, 'actor', NEW.actor, 'source', NEW.source, 'reason', NEW.reason, 'mode', NEW.mode,
            'fromState', NEW.from_state, 'toState', NEW.to_state, 'revision', NEW.revision));
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'the alert about command % was not stored: %', NEW.id, SQLERRM;
    RETURN NULL;
END $$;
CREATE TRIGGER bot_command_alert AFTER UPDATE ON bot_command
    FOR EACH ROW WHEN (
        OLD.status IS DISTINCT FROM NEW.status AND NEW.status = 'applied'
        AND NEW.kind IN ('kill', 'rearm', 'stop', 'start')
    ) EXECUTE FUNCTION bot_command_alert();
"""

# At the commit, when the report is complete; only a change is told, since a failed attempt is repeated every minute.
ALERT_RECONCILIATION = """
CREATE FUNCTION bot_reconciliation_verdict(report bot_reconciliation) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN report.outcome <> 'ok' THEN 'reconciliation_failed'
        WHEN report.differences <> '[]' THEN 'reconciliation_differs' ELSE 'reconciled' END
$$;
CREATE FUNCTION bot_reconciliation_alert() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
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
CREATE CONSTRAINT TRIGGER bot_reconciliation_alert AFTER INSERT ON bot_reconciliation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION bot_reconciliation_alert();
"""


def upgrade():
    op.create_table(
        "bot_command_tally",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("seconds", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column("buckets", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.PrimaryKeyConstraint("kind", "status"),
    )
    # Its few rows change with every command: room in the page for the next version of a row keeps it small.
    op.execute("ALTER TABLE bot_command_tally SET (fillfactor = 50)")
    op.create_table(
        "bot_alert",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "facts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "next_attempt_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("seq", name="bot_alert_seq_is_unique"),
    )
    op.create_index(
        "ix_bot_alert_queued",
        "bot_alert",
        ["seq"],
        unique=False,
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_table(
        "bot_condition",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    # The trigger comes before the count: it locks the log, and nothing is finished between the two.
    for sql in (TALLY, COUNT_THE_LOG, ALERT_COMMAND, ALERT_RECONCILIATION):
        op.execute(sql)


def downgrade():
    op.execute("DROP TRIGGER bot_reconciliation_alert ON bot_reconciliation")
    op.execute("DROP FUNCTION bot_reconciliation_alert()")
    op.execute("DROP FUNCTION bot_reconciliation_verdict(bot_reconciliation)")
    for name in ("bot_command_alert", "bot_command_tally"):
        op.execute(f"DROP TRIGGER {name} ON bot_command")
        op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("bot_condition")
    op.drop_index("ix_bot_alert_queued", "bot_alert")
    op.drop_table("bot_alert")
    op.drop_table("bot_command_tally")
