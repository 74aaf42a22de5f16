"""Signs of life of beat and of writing, what is wrong with a worker, and archives that rows may leave for.

Revision ID: 0010
Revises: 0009
Create Date: 2026-11-27
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")

# A row leaves the log, or the events, only for an archive that has it: the transaction names the archive, whose row says from
# which table it is and up to when, and holds the count and the hash of the file.
ARCHIVED = """
CREATE FUNCTION bot_is_archived(of_table text, at timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM bot_archive
        WHERE id::text = current_setting('pitboss.archive', true) AND table_name = of_table AND at < up_to)
$$;
"""

GUARD_LOG = """
CREATE OR REPLACE FUNCTION bot_command_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
{archive}    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'the command log keeps every command' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status <> 'queued' THEN
        RAISE EXCEPTION 'command % is finished (%) and never changes', OLD.id, OLD.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.id, NEW.seq, NEW.kind, NEW.params, NEW.actor, NEW.source, NEW.issued_at, NEW.sent_at, NEW.remote_addr)
        IS DISTINCT FROM
        (OLD.id, OLD.seq, OLD.kind, OLD.params, OLD.actor, OLD.source, OLD.issued_at, OLD.sent_at, OLD.remote_addr) THEN
        RAISE EXCEPTION 'what command % asked for never changes', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
LOG_MAY_LEAVE = """    IF TG_OP = 'DELETE' THEN
        IF OLD.status <> 'queued' AND bot_is_archived('bot_command', OLD.finished_at) THEN
            RETURN OLD;
        END IF;
    END IF;
"""

GUARD_EVENTS = """
CREATE OR REPLACE FUNCTION bot_trade_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
{archive}    RAISE EXCEPTION 'events of trades are kept as they are' USING ERRCODE = 'restrict_violation';
END $$;
"""
EVENTS_MAY_LEAVE = """    IF TG_OP = 'DELETE' THEN
        IF bot_is_archived('bot_trade_event', OLD.at) THEN
            RETURN OLD;
        END IF;
    END IF;
"""


def upgrade():
    op.create_table(
        "bot_pulse",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seen_at", TIME, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.add_column("bot_worker", sa.Column("trouble", sa.Text()))
    op.create_table(
        "bot_archive",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("up_to", TIME, nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(ARCHIVED)
    op.execute(GUARD_LOG.replace("{archive}", LOG_MAY_LEAVE))
    op.execute(GUARD_EVENTS.replace("{archive}", EVENTS_MAY_LEAVE))


def downgrade():
    op.execute(GUARD_EVENTS.replace("{archive}", ""))
    op.execute(GUARD_LOG.replace("{archive}", ""))
    op.execute("DROP FUNCTION bot_is_archived(text, timestamptz)")
    op.drop_table("bot_archive")
    op.drop_column("bot_worker", "trouble")
    op.drop_table("bot_pulse")
