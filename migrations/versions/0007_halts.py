"""The order of issue: when a manual command was sent, and when the last halt was issued. A kill that needs no log, and counts
of finished commands without a row that every one of them changes.

Revision ID: 0007
Revises: 0006
Create Date: 2026-11-27
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)

#: Index, table, columns, and the rows that it is for.
INDEXES = (
    (
        "ix_bot_command_pending_halts",
        "bot_command",
        ["issued_at"],
        "status = 'queued' AND kind IN ('stop', 'kill')",
    ),
    ("ix_bot_command_kind", "bot_command", ["kind", "seq"], None),
    ("ix_bot_command_actor", "bot_command", ["actor", "seq"], None),
    ("ix_bot_command_not_applied", "bot_command", ["status", "seq"], "status <> 'applied'"),
    ("ix_bot_command_other_source", "bot_command", ["source", "seq"], "source <> 'api'"),
    ("ix_bot_trade_of_symbol", "bot_trade", ["symbol", "created_at", "id"], None),
    ("ix_bot_trade_of_status", "bot_trade", ["status", "created_at", "id"], None),
)

# When a disk or the queue of notifications is full, a kill changes the bot's row without telling anybody.
QUIET = """
CREATE OR REPLACE FUNCTION bot_changes_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('pitboss.quiet', true) = 'on' THEN
        RETURN NULL;
    END IF;
    PERFORM pg_notify('pitboss_changes', TG_TABLE_NAME);
    RETURN NULL;
END $$;
"""

LOUD = """
CREATE OR REPLACE FUNCTION bot_changes_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('pitboss_changes', TG_TABLE_NAME);
    RETURN NULL;
END $$;
"""

# Who gathers evidence hears whether there is any to be gathered.
NOTIFY = """
CREATE OR REPLACE FUNCTION bot_command_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM pg_notify('pitboss_queued', {queued});
    ELSE
        PERFORM pg_notify(
            'pitboss_finished', concat_ws(' ', NEW.id, NEW.status, NEW.revision, NEW.to_state, NEW.mode));
    END IF;
    RETURN NULL;
END $$;
"""

# What was issued when, by whom and from where is as fixed as what was asked for.
GUARD = """
CREATE OR REPLACE FUNCTION bot_command_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION 'the command log keeps every command' USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status <> 'queued' THEN
        RAISE EXCEPTION 'command % is finished (%) and never changes', OLD.id, OLD.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.id, NEW.seq, NEW.kind, NEW.params, NEW.actor, NEW.source{more_new})
        IS DISTINCT FROM (OLD.id, OLD.seq, OLD.kind, OLD.params, OLD.actor, OLD.source{more_old}) THEN
        RAISE EXCEPTION 'what command % asked for never changes', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""

BOUNDS = "ARRAY[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]::double precision[]"

# A row that each finished command adds to would have as many versions in one transaction as commands end in it, and each one
# would be looked for among them. So each adds a row of its own, and whoever reads the counts adds these up.
COUNT = """
CREATE OR REPLACE FUNCTION bot_command_tally() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
BEGIN
    INSERT INTO bot_command_uncounted (kind, status, seconds)
        VALUES (NEW.kind, NEW.status, greatest(extract(epoch FROM NEW.finished_at - NEW.issued_at), 0));
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'command % was not counted: %', NEW.id, SQLERRM;
    RETURN NULL;
END $$;
"""

FOLD = f"""
INSERT INTO bot_command_tally AS tally (kind, status, count, seconds, buckets)
SELECT kind, status, count(*), sum(seconds),
    ARRAY[{", ".join(f"count(*) FILTER (WHERE width_bucket(seconds, {BOUNDS}) + 1 = {slot})" for slot in range(1, 14))}]
FROM bot_command_uncounted GROUP BY kind, status
ON CONFLICT (kind, status) DO UPDATE SET count = tally.count + excluded.count, seconds = tally.seconds + excluded.seconds,
    buckets = ARRAY(SELECT a + b FROM unnest(tally.buckets, excluded.buckets) AS pairs(a, b))
"""  # noqa: S608 - made of constants

BEFORE = f"""
CREATE OR REPLACE FUNCTION bot_command_tally() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
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
"""  # noqa: S608 - made of constants


def upgrade():
    for name in ("halted_at", "configured_at"):
        op.add_column("bot_config", sa.Column(name, TIME))
    op.add_column("bot_config", sa.Column("unlogged_kill", postgresql.JSONB()))
    # Each applied command writes the bot's row anew: with room in its page a version needs no other one, whatever the disk says.
    op.execute("ALTER TABLE bot_config SET (fillfactor = 20)")
    op.add_column("bot_command", sa.Column("sent_at", TIME))
    op.add_column("bot_command", sa.Column("remote_addr", sa.Text()))
    op.execute(
        "UPDATE bot_config SET"
        " halted_at = (SELECT max(issued_at) FROM bot_command WHERE kind IN ('stop', 'kill') AND status <> 'queued'),"
        " configured_at = (SELECT max(issued_at) FROM bot_command WHERE kind = 'update_config' AND status = 'applied')"
    )
    for name, table, columns, rows in INDEXES:
        op.create_index(name, table, columns, postgresql_where=rows)
    op.create_index("ix_bot_command_issued_at", "bot_command", ["issued_at"], postgresql_using="brin")
    op.create_table(
        "bot_command_uncounted",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(QUIET)
    op.execute(NOTIFY.format(queued="NEW.id || ' ' || NEW.kind"))
    op.execute(
        GUARD.format(
            more_new=", NEW.sent_at, NEW.issued_at, NEW.remote_addr",
            more_old=", OLD.sent_at, OLD.issued_at, OLD.remote_addr",
        )
    )
    op.execute(COUNT)


def downgrade():
    op.execute(BEFORE)
    op.execute(FOLD)
    op.execute(GUARD.format(more_new="", more_old=""))
    op.execute(NOTIFY.format(queued="NEW.id::text"))
    op.execute(LOUD)
    op.drop_table("bot_command_uncounted")
    op.drop_index("ix_bot_command_issued_at", "bot_command")
    for name, table, _columns, _rows in reversed(INDEXES):
        op.drop_index(name, table)
    for name in ("remote_addr", "sent_at"):
        op.drop_column("bot_command", name)
    op.execute("ALTER TABLE bot_config RESET (fillfactor)")
    for name in ("unlogged_kill", "configured_at", "halted_at"):
        op.drop_column("bot_config", name)
