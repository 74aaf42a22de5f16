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


def upgrade():
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
    op.drop_table("bot_suspension")
    op.drop_table("bot_flatten")
