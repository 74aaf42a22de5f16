"""The types of what is stored. What the tables refuse, and how they come and go, is proved with the migrations."""

from tests.support.tables import Tables


def test_money_is_numeric_and_times_are_aware(tables: Tables):
    columns = tables.sql(
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name LIKE 'bot_%%'"
    )
    types = {(row["table_name"], row["column_name"]): row["data_type"] for row in columns}
    assert {t for (_, name), t in types.items() if name.endswith("_at")} == {"timestamp with time zone"}
    for table, money in (
        *(("bot_trade", name) for name in ("entry_price", "exit_price", "pnl", "shares")),
        *(("bot_config", name) for name in ("position_size_usd", "daily_loss_limit_usd", "max_share_price")),
        ("bot_daily_stats", "realized_pnl"),
    ):
        assert types[table, money] == "numeric"
    assert types["bot_daily_stats", "date"] == "date"
    for text in (
        ("bot_trade", "status"),
        ("bot_trade", "exit_reason"),
        ("bot_config", "state"),
        ("bot_config", "mode"),
    ):
        assert types[text] == "text"


def test_open_trades_have_an_index_of_their_own(tables: Tables):
    indexes = [
        row["indexdef"] for row in tables.sql("SELECT indexdef FROM pg_indexes WHERE tablename = 'bot_trade'")
    ]
    assert any("WHERE (status = 'open'::text)" in index for index in indexes)
    for column in ("status", "symbol", "created_at"):
        assert any(index.endswith(f"({column})") for index in indexes)
