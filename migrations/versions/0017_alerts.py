"""An alert about Pitboss's own kill, and none about a reading that was overtaken.

Revision ID: 0017
Revises: 0016
Create Date: 2026-11-27
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# Where somebody deleted the bot's row, Pitboss makes it again, killed; the log's row of that kill is inserted as applied.
ALERT_AT_ONCE = """
CREATE TRIGGER bot_command_alert_at_once AFTER INSERT ON bot_command
    FOR EACH ROW WHEN (NEW.status = 'applied' AND NEW.kind = 'kill' AND NEW.source = 'system')
    EXECUTE FUNCTION bot_command_alert();
"""

# `stale_evidence` says that trades or the mode changed while Alpaca was read. It is read again at once, so nobody has to look; if
# it lasts, the gate closes, which is told. What was told before it stays what was told last.
ALERT_RECONCILIATION = """
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
{skip}    SELECT * INTO before FROM bot_reconciliation WHERE id < NEW.id{told} ORDER BY id DESC LIMIT 1;
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
SKIP = "    IF report.error_code = 'stale_evidence' THEN\n        RETURN NULL;\n    END IF;\n"
TOLD = " AND error_code IS DISTINCT FROM 'stale_evidence'"


def upgrade():
    op.execute(ALERT_AT_ONCE)
    op.execute(ALERT_RECONCILIATION.format(skip=SKIP, told=TOLD))


def downgrade():
    op.execute(ALERT_RECONCILIATION.format(skip="", told=""))
    op.execute("DROP TRIGGER bot_command_alert_at_once ON bot_command")
