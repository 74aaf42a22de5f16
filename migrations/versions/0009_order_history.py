"""Indexes to find the trade of an entry order that was replaced at the broker, and the former symbols of a trade.

Revision ID: 0009
Revises: 0008
Create Date: 2026-11-27
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

REPLACED, RENAMED = "ix_bot_trade_event_replaced_order", "ix_bot_trade_event_renamed"


def upgrade():
    op.create_index(
        REPLACED,
        "bot_trade_event",
        [sa.text("(before ->> 'alpacaOrderId')")],
        postgresql_where=sa.text("before ->> 'alpacaOrderId' IS NOT NULL"),
    )
    op.create_index(RENAMED, "bot_trade_event", ["trade_id"], postgresql_where=sa.text("kind = 'renamed'"))


def downgrade():
    for index in (REPLACED, RENAMED):
        op.drop_index(index, "bot_trade_event")
