"""An index to find the trade of an entry order that was replaced at the broker.

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

INDEX = "ix_bot_trade_event_replaced_order"


def upgrade():
    op.create_index(
        INDEX,
        "bot_trade_event",
        [sa.text("(before ->> 'alpacaOrderId')")],
        postgresql_where=sa.text("before ->> 'alpacaOrderId' IS NOT NULL"),
    )


def downgrade():
    op.drop_index(INDEX, "bot_trade_event")
