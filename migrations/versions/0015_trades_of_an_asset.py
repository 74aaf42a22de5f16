"""Trades by Alpaca's id of their asset: reconciliation looks for exits of an asset in question under each of its symbols.

Made without keeping trades from being recorded meanwhile, in a step of its own.

Revision ID: 0015
Revises: 0014
Create Date: 2026-11-27
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

INDEX = "ix_bot_trade_of_asset"


def upgrade():
    with op.get_context().autocommit_block():
        # what an interrupted attempt left is of no use, and has the name
        op.drop_index(INDEX, "bot_trade", if_exists=True, postgresql_concurrently=True)
        op.create_index(INDEX, "bot_trade", ["asset_id"], postgresql_concurrently=True)


def downgrade():
    op.drop_index(INDEX, "bot_trade")
