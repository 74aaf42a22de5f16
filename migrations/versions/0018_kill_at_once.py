"""A kill is inserted as finished: what follows from a finished command follows from that row, too.

Revision ID: 0018
Revises: 0017
Create Date: 2026-11-27
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# A row that waits for a second person is neither queued nor finished.
NOTIFY = """
CREATE OR REPLACE FUNCTION bot_command_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'queued' THEN
        PERFORM pg_notify('pitboss_queued', NEW.id || ' ' || NEW.kind);
    ELSIF {finished} THEN
        PERFORM pg_notify(
            'pitboss_finished', concat_ws(' ', NEW.id, NEW.status, NEW.revision, NEW.to_state, NEW.mode));
    END IF;
    RETURN NULL;
END $$;
"""

TALLY_AT_ONCE = """
CREATE TRIGGER bot_command_tally_at_once AFTER INSERT ON bot_command
    FOR EACH ROW WHEN (NEW.finished_at IS NOT NULL) EXECUTE FUNCTION bot_command_tally();
"""

ALERT_AT_ONCE = """
DROP TRIGGER bot_command_alert_at_once ON bot_command;
CREATE TRIGGER bot_command_alert_at_once AFTER INSERT ON bot_command
    FOR EACH ROW WHEN (NEW.status = 'applied' AND NEW.kind = 'kill'{more}) EXECUTE FUNCTION bot_command_alert();
"""

# The flatten that a kill starts is written while the kill is judged; the kill's row follows in the same transaction.
FLATTEN = "ALTER TABLE bot_flatten ALTER CONSTRAINT bot_flatten_command_id_fkey {when}"


def upgrade():
    op.execute(NOTIFY.format(finished="NEW.finished_at IS NOT NULL"))
    op.execute(TALLY_AT_ONCE)
    op.execute(ALERT_AT_ONCE.format(more=""))
    op.execute(FLATTEN.format(when="DEFERRABLE INITIALLY DEFERRED"))


def downgrade():
    op.execute(FLATTEN.format(when="NOT DEFERRABLE"))
    op.execute(ALERT_AT_ONCE.format(more=" AND NEW.source = 'system'"))
    op.execute("DROP TRIGGER bot_command_tally_at_once ON bot_command")
    op.execute(NOTIFY.format(finished="TG_OP = 'UPDATE'"))
