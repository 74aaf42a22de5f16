"""Who may, and who did: sessions, kept tokens, the token and the host of each command, what a command changed, commands that wait for
a second person, and alerts about what changes how much money is at stake.

Revision ID: 0012
Revises: 0011
Create Date: 2026-11-27
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.text("now()")

#: What bot_command has from now on.
COLUMNS = (
    ("token_name", sa.Text()),
    ("sent_from", sa.Text()),
    ("changes", postgresql.JSONB()),
    ("approved_by", sa.Text()),
    ("approved_at", TIME),
)

# What was asked for, by whom and from where, is as fixed as ever; a command that waits for a second person is not finished.
GUARD = """
CREATE OR REPLACE FUNCTION bot_command_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.status NOT IN ({open}) AND bot_is_archived('bot_command', OLD.finished_at) THEN
            RETURN OLD;
        END IF;
    END IF;
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'the command log keeps every command' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status NOT IN ({open}) THEN
        RAISE EXCEPTION 'command % is finished (%) and never changes', OLD.id, OLD.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.id, NEW.seq, NEW.kind, NEW.params, NEW.actor, NEW.source, NEW.sent_at, NEW.issued_at, NEW.remote_addr{more_new})
        IS DISTINCT FROM
       (OLD.id, OLD.seq, OLD.kind, OLD.params, OLD.actor, OLD.source, OLD.sent_at, OLD.issued_at, OLD.remote_addr{more_old}) THEN
        RAISE EXCEPTION 'what command % asked for never changes', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""

# A command that was approved is queued like one that has just come in.
NOTIFY = """
CREATE OR REPLACE FUNCTION bot_command_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'queued' THEN
        PERFORM pg_notify('pitboss_queued', NEW.id || ' ' || NEW.kind);
    ELSIF TG_OP = 'UPDATE' THEN
        PERFORM pg_notify(
            'pitboss_finished', concat_ws(' ', NEW.id, NEW.status, NEW.revision, NEW.to_state, NEW.mode));
    END IF;
    RETURN NULL;
END $$;
"""

NOTIFY_BEFORE = """
CREATE OR REPLACE FUNCTION bot_command_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM pg_notify('pitboss_queued', NEW.id || ' ' || NEW.kind);
    ELSE
        PERFORM pg_notify(
            'pitboss_finished', concat_ws(' ', NEW.id, NEW.status, NEW.revision, NEW.to_state, NEW.mode));
    END IF;
    RETURN NULL;
END $$;
"""

TALLY = """
DROP TRIGGER bot_command_tally ON bot_command;
CREATE TRIGGER bot_command_tally AFTER UPDATE ON bot_command
    FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION bot_command_tally();
"""
TALLY_WHEN = "OLD.status IS DISTINCT FROM NEW.status AND NEW.finished_at IS NOT NULL"
TALLY_WHEN_BEFORE = "OLD.status IS DISTINCT FROM NEW.status"

FINISHED_HAS_A_TIME = """
ALTER TABLE bot_command DROP CONSTRAINT bot_command_finished_has_a_time;
ALTER TABLE bot_command ADD CONSTRAINT bot_command_finished_has_a_time
    CHECK ((status {open}) = (finished_at IS NULL)) NOT VALID;
ALTER TABLE bot_command VALIDATE CONSTRAINT bot_command_finished_has_a_time;
"""

# Told is what starts, stops or changes how much money is at stake. A switch to the present mode and a threshold that stays as it
# was are none of these: they changed nothing.
ALERT = """
CREATE OR REPLACE FUNCTION bot_command_alert() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
DECLARE
    told text := CASE NEW.kind
        WHEN 'kill' THEN 'killed' WHEN 'rearm' THEN 'rearmed' WHEN 'stop' THEN 'stopped' WHEN 'start' THEN 'started'
        WHEN 'pause' THEN 'paused' WHEN 'resume' THEN 'resumed' WHEN 'settle' THEN 'settled'
        WHEN 'update_config' THEN 'thresholds_changed'
        WHEN 'set_mode' THEN CASE NEW.mode WHEN 'live' THEN 'went_live' ELSE 'went_paper' END END;
BEGIN
    IF told IN ('thresholds_changed', 'went_live', 'went_paper') AND NEW.changes IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO bot_alert (kind, facts) VALUES (
        told,
        jsonb_build_object(
            'commandId', NEW.id, 'actor', NEW.actor, 'source', NEW.source, 'reason', NEW.reason, 'mode', NEW.mode,
            'fromState', NEW.from_state, 'toState', NEW.to_state, 'revision', NEW.revision,
            'address', coalesce(NEW.remote_addr, NEW.sent_from), 'approvedBy', NEW.approved_by)
            || CASE WHEN NEW.changes IS NULL THEN '{}' ELSE jsonb_build_object('changes', NEW.changes) END
            || CASE WHEN NEW.kind = 'settle' THEN jsonb_build_object('params', NEW.params) ELSE '{}' END
            || CASE WHEN NEW.kind = 'kill' AND NEW.params -> 'flatten' IS DISTINCT FROM 'true' THEN jsonb_build_object(
                'staysOpen', (SELECT coalesce(jsonb_agg(symbol ORDER BY symbol), '[]') FROM (
                    SELECT position ->> 'symbol' AS symbol
                    FROM bot_broker_reading reading, jsonb_array_elements(reading.positions) AS position
                    WHERE reading.mode = NEW.mode AND jsonb_typeof(reading.positions) = 'array'
                    UNION (SELECT symbol FROM bot_trade WHERE status = 'open' LIMIT 200)
                    LIMIT 20) AS open)) ELSE '{}' END);
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'the alert about command % was not stored: %', NEW.id, SQLERRM;
    RETURN NULL;
END $$;
DROP TRIGGER bot_command_alert ON bot_command;
CREATE TRIGGER bot_command_alert AFTER UPDATE ON bot_command
    FOR EACH ROW WHEN (
        OLD.status IS DISTINCT FROM NEW.status AND NEW.status = 'applied'
        AND NEW.kind IN ('kill', 'rearm', 'stop', 'start', 'pause', 'resume', 'settle', 'update_config', 'set_mode')
    ) EXECUTE FUNCTION bot_command_alert();
"""

ALERT_APPROVAL = """
CREATE FUNCTION bot_command_approval_alert() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
BEGIN
    INSERT INTO bot_alert (kind, facts) VALUES ('approval_wanted', jsonb_build_object(
        'commandId', NEW.id, 'actor', NEW.actor, 'source', NEW.source, 'reason', NEW.reason, 'kind', NEW.kind,
        'params', NEW.params, 'expiresAt', NEW.expires_at));
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'the alert about command % was not stored: %', NEW.id, SQLERRM;
    RETURN NULL;
END $$;
CREATE TRIGGER bot_command_approval_alert AFTER INSERT ON bot_command
    FOR EACH ROW WHEN (NEW.status = 'awaiting_approval') EXECUTE FUNCTION bot_command_approval_alert();
"""

# As migration 0008 left it.
ALERT_BEFORE = """
CREATE OR REPLACE FUNCTION bot_command_alert() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
BEGIN
    INSERT INTO bot_alert (kind, facts) VALUES (
        CASE NEW.kind WHEN 'kill' THEN 'killed' WHEN 'rearm' THEN 'rearmed' WHEN 'stop' THEN 'stopped'
            ELSE 'started' END,
        jsonb_build_object(
            'commandId', NEW.id, 'actor', NEW.actor, 'source', NEW.source, 'reason', NEW.reason, 'mode', NEW.mode,
            'fromState', NEW.from_state, 'toState', NEW.to_state, 'revision', NEW.revision)
            || CASE WHEN NEW.kind = 'kill' AND NEW.params -> 'flatten' IS DISTINCT FROM 'true' THEN jsonb_build_object(
                'staysOpen', (SELECT coalesce(jsonb_agg(symbol ORDER BY symbol), '[]') FROM (
                    SELECT position ->> 'symbol' AS symbol
                    FROM bot_broker_reading reading, jsonb_array_elements(reading.positions) AS position
                    WHERE reading.mode = NEW.mode AND jsonb_typeof(reading.positions) = 'array'
                    UNION (SELECT symbol FROM bot_trade WHERE status = 'open' LIMIT 200)
                    LIMIT 20) AS open)) ELSE '{}' END);
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'the alert about command % was not stored: %', NEW.id, SQLERRM;
    RETURN NULL;
END $$;
DROP TRIGGER bot_command_alert ON bot_command;
CREATE TRIGGER bot_command_alert AFTER UPDATE ON bot_command
    FOR EACH ROW WHEN (
        OLD.status IS DISTINCT FROM NEW.status AND NEW.status = 'applied'
        AND NEW.kind IN ('kill', 'rearm', 'stop', 'start')
    ) EXECUTE FUNCTION bot_command_alert();
"""

# Every web process keeps a copy of who may come in, and hears at once when it changes; not of each use.
NOTIFY_ACCESS = """
CREATE FUNCTION bot_access_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('pitboss_access', TG_TABLE_NAME);
    RETURN NULL;
END $$;
CREATE TRIGGER bot_session_changed AFTER INSERT OR UPDATE OF ended_at ON bot_session
    FOR EACH STATEMENT EXECUTE FUNCTION bot_access_notify();
CREATE TRIGGER bot_token_changed AFTER INSERT OR UPDATE OF expires_at, revoked_at ON bot_token
    FOR EACH STATEMENT EXECUTE FUNCTION bot_access_notify();
"""


def upgrade():
    op.create_table(
        "bot_session",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("token_name", sa.Text()),
        sa.Column("remote_addr", sa.Text()),
        sa.Column("user_agent", sa.Text()),
        sa.Column("began_at", TIME, server_default=NOW, nullable=False),
        sa.Column("last_seen_at", TIME, server_default=NOW, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("ended_at", TIME),
        sa.Column("ended_by", sa.Text()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_bot_session_actor", "bot_session", ["actor", "began_at"])
    op.create_index("ix_bot_session_expires_at", "bot_session", ["expires_at"])
    op.create_table(
        "bot_token",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("commands", postgresql.ARRAY(sa.Text())),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, server_default=NOW, nullable=False),
        sa.Column("expires_at", TIME),
        sa.Column("revoked_at", TIME),
        sa.Column("last_used_at", TIME),
        sa.Column("last_used_from", sa.Text()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash", name="bot_token_hash_is_unique"),
    )
    op.create_index(
        "ix_bot_token_name",
        "bot_token",
        ["name"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.execute(NOTIFY_ACCESS)
    for name, kind in COLUMNS:
        op.add_column("bot_command", sa.Column(name, kind))
    op.create_index(
        "ix_bot_command_awaiting",
        "bot_command",
        ["seq"],
        postgresql_where=sa.text("status = 'awaiting_approval'"),
    )
    op.execute(FINISHED_HAS_A_TIME.format(open="IN ('queued', 'awaiting_approval')"))
    op.execute(
        GUARD.format(
            open="'queued', 'awaiting_approval'",
            more_new=", NEW.token_name, NEW.sent_from",
            more_old=", OLD.token_name, OLD.sent_from",
        )
    )
    op.execute(NOTIFY)
    op.execute(TALLY.format(when=TALLY_WHEN))
    op.execute(ALERT)
    op.execute(ALERT_APPROVAL)


def downgrade():
    # an older release knows no command that waits for a second person
    op.execute(
        "UPDATE bot_command SET status = 'expired', finished_at = clock_timestamp(), error_code = 'expired',"
        " error = 'Nobody approved it.' WHERE status = 'awaiting_approval'"
    )
    op.execute("DROP TRIGGER bot_command_approval_alert ON bot_command")
    op.execute("DROP FUNCTION bot_command_approval_alert()")
    op.execute(ALERT_BEFORE)
    op.execute(TALLY.format(when=TALLY_WHEN_BEFORE))
    op.execute(NOTIFY_BEFORE)
    op.execute(GUARD.format(open="'queued'", more_new="", more_old=""))
    op.execute(FINISHED_HAS_A_TIME.format(open="= 'queued'"))
    op.drop_index("ix_bot_command_awaiting", "bot_command")
    for name, _kind in reversed(COLUMNS):
        op.drop_column("bot_command", name)
    op.drop_table("bot_token")
    op.drop_table("bot_session")
    op.execute("DROP FUNCTION bot_access_notify()")
