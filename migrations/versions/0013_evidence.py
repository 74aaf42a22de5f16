"""A log that shows when somebody has changed it: each finished command carries a hash over itself and the one before. And a way
for a role without special rights to end what idles while it holds the bot's lock.

Revision ID: 0013
Revises: 0012
Create Date: 2026-11-27
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Commands are finished under the lock on the bot's row, one after the other, so the one before is always the last one. What is
# hashed does not depend on the settings of a session: times are numbers.
CHAIN = """
CREATE FUNCTION bot_command_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last_link bigint;
    last_hash text;
BEGIN
    SELECT link, hash INTO last_link, last_hash FROM bot_command WHERE link IS NOT NULL ORDER BY link DESC LIMIT 1;
    NEW.link := coalesce(last_link, 0) + 1;
    NEW.hash := encode(sha256(convert_to(coalesce(last_hash, '') || jsonb_build_array(
        NEW.link, NEW.id, NEW.seq, NEW.kind, NEW.params, NEW.actor, NEW.source, NEW.reason, NEW.idempotency_key, NEW.status,
        NEW.from_state, NEW.to_state, NEW.mode, NEW.revision, NEW.error_code, NEW.error, NEW.error_details, NEW.changes,
        NEW.remote_addr, NEW.token_name, NEW.sent_from, NEW.approved_by, extract(epoch FROM NEW.approved_at),
        extract(epoch FROM NEW.sent_at), extract(epoch FROM NEW.issued_at), extract(epoch FROM NEW.expires_at),
        extract(epoch FROM NEW.finished_at))::text, 'UTF8')), 'hex');
    RETURN NEW;
END $$;
CREATE TRIGGER bot_command_chain BEFORE UPDATE ON bot_command
    FOR EACH ROW WHEN (OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL) EXECUTE FUNCTION bot_command_chain();
CREATE TRIGGER bot_command_chain_at_once BEFORE INSERT ON bot_command
    FOR EACH ROW WHEN (NEW.finished_at IS NOT NULL) EXECUTE FUNCTION bot_command_chain();
"""

# With its owner's rights: who holds the lock may be another role, which the caller could neither see nor end.
EVICT = """
CREATE FUNCTION bot_evict_idle_lock_holders() RETURNS SETOF boolean LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a JOIN pg_roles r ON r.rolname = a.usename
    WHERE a.state LIKE 'idle in transaction%' AND a.state_change < clock_timestamp() - interval '1 second'
    AND a.pid <> pg_backend_pid() AND pg_has_role(r.oid, 'USAGE')
    AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.granted
        AND l.relation = 'public.bot_config'::regclass AND l.mode IN ('RowShareLock', 'RowExclusiveLock'))
$$;
REVOKE EXECUTE ON FUNCTION bot_evict_idle_lock_holders() FROM PUBLIC;
"""


def upgrade():
    op.add_column("bot_command", sa.Column("link", sa.BigInteger()))
    op.add_column("bot_command", sa.Column("hash", sa.Text()))
    op.create_index(
        "ix_bot_command_link", "bot_command", ["link"], postgresql_where=sa.text("link IS NOT NULL")
    )
    op.execute(CHAIN)
    op.execute(EVICT)


def downgrade():
    op.execute("DROP FUNCTION bot_evict_idle_lock_holders()")
    for name in ("bot_command_chain", "bot_command_chain_at_once"):
        op.execute(f"DROP TRIGGER {name} ON bot_command")
    op.execute("DROP FUNCTION bot_command_chain()")
    op.drop_index("ix_bot_command_link", "bot_command")
    op.drop_column("bot_command", "hash")
    op.drop_column("bot_command", "link")
