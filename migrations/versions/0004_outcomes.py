"""Tell accepted from finished commands by the channel, and how a command was applied in the notification itself.

Whoever applies commands need not wake up to outcomes, and whoever waits for one need not ask for it.

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-21
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NOTIFY = """
CREATE OR REPLACE FUNCTION bot_command_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM pg_notify('pitboss_queued', NEW.id::text);
    ELSE
        PERFORM pg_notify(
            'pitboss_finished', concat_ws(' ', NEW.id, NEW.status, NEW.revision, NEW.to_state, NEW.mode));
    END IF;
    RETURN NULL;
END $$;
"""

BEFORE = """
CREATE OR REPLACE FUNCTION bot_command_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('pitboss_commands', NEW.id || ' ' || NEW.status);
    RETURN NULL;
END $$;
"""


def upgrade():
    op.execute(NOTIFY)


def downgrade():
    op.execute(BEFORE)
