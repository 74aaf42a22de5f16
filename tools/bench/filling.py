"""Fills tables with what years would bring, by SQL."""

from __future__ import annotations

from collections.abc import Sequence

from tools.bench.database import Database

#: Shares of every trade.
SHARES = 10

# A bot that was started and stopped in turn, each command ten seconds after the one before, the last one just now.
_COMMANDS = """
INSERT INTO bot_command (id, kind, actor, source, status, from_state, to_state, mode, revision, issued_at, expires_at,
    finished_at)
SELECT gen_random_uuid(), kind, 'bench', 'api', 'applied', from_state, to_state, 'paper', revision, at,
    CASE kind WHEN 'start' THEN at + interval '30 seconds' END, at + interval '5 milliseconds'
FROM (
    SELECT revision, now() - (%(until)s - revision) * interval '10 seconds' AS at,
        CASE revision %% 2 WHEN %(since)s %% 2 THEN 'stop' ELSE 'start' END AS kind,
        CASE revision %% 2 WHEN %(since)s %% 2 THEN 'running' ELSE 'stopped' END AS from_state,
        CASE revision %% 2 WHEN %(since)s %% 2 THEN 'stopped' ELSE 'running' END AS to_state
    FROM generate_series(%(first)s, %(last)s) AS revision
) history ORDER BY revision
"""
#: Rows of one transaction: more would be sorted on the disk.
_COMMANDS_AT_ONCE = 500_000
# The one trigger that fires although the others do not: it links each finished command to the one before.
_CHAIN = "ALTER TABLE bot_command ENABLE ALWAYS TRIGGER bot_command_chain_at_once"
_CHAIN_AS_BEFORE = "ALTER TABLE bot_command ENABLE TRIGGER bot_command_chain_at_once"
_CLOSED_TRADES = """
INSERT INTO bot_trade (symbol, entry_price, exit_price, shares, pnl, catalyst_type, catalyst_tier, exit_reason, status,
    mode, alpaca_order_id, entry_at, exit_at, created_at, updated_at)
SELECT 'S' || number %% 5000, 10, 11, %(shares)s, %(shares)s, 'news', 1 + number %% 4, 'profit_target', 'closed',
    'paper', gen_random_uuid(), at, at + interval '1 minute', at, at + interval '1 minute'
FROM (
    SELECT number, now() - (%(count)s - number + 10) * interval '1 minute' AS at
    FROM generate_series(1, %(count)s) AS number
) history
"""
# Without the ids of orders: of more than ten that the broker does not list, an attempt asks for ten, and writes off no others.
_OPEN_TRADES = """
INSERT INTO bot_trade (symbol, entry_price, shares, catalyst_type, catalyst_tier, mode, entry_at, created_at, updated_at)
SELECT symbol, 10, %(shares)s, 'news', 1, 'paper', at, at, at
FROM unnest(%(symbols)s) AS symbol, (SELECT now() - interval '1 hour' AS at) history
"""


def commands(database: Database, count: int, *, chained: bool = False) -> None:
    """See to it that *count* finished commands or one more are in the log. The bot has to be stopped, and
    nobody may send commands meanwhile. *chained* ones are in the chain of hashes; they take twice as long."""
    revision, logged = database.rows("SELECT revision, (SELECT count(*) FROM bot_command) FROM bot_config")[0]
    missing = max(count - logged, 0)
    until = revision + missing + missing % 2  # an even number: the last one is a stop
    around = ([(_CHAIN, ())], [(_CHAIN_AS_BEFORE, ())]) if chained else ([], [])
    for first in range(revision + 1, until + 1, _COMMANDS_AT_ONCE):
        last = min(first + _COMMANDS_AT_ONCE - 1, until)
        chunk = {"since": revision, "until": until, "first": first, "last": last}
        database.fill(*around[0], (_COMMANDS, chunk), *around[1])
    database.fill(
        ("UPDATE bot_config SET revision = %s, state = 'stopped', enabled = true, killed_at = NULL", [until]),
    )
    database.tidy()


def closed_trades(database: Database, count: int) -> None:
    """Add *count* closed trades, one a minute."""
    database.fill((_CLOSED_TRADES, {"count": count, "shares": SHARES}))
    database.tidy()


def open_trades(database: Database, count: int) -> list[str]:
    """Add *count* open trades, each of a symbol of its own; the symbols."""
    symbols = [f"S{number}" for number in range(count)]
    database.fill((_OPEN_TRADES, {"symbols": symbols, "shares": SHARES}))
    database.tidy()
    return symbols


def reopen_trades(database: Database, suspects: Sequence[str] = ()) -> None:
    """Undo what a reconciliation wrote off, and have the trades *suspects* absent in an attempt of a minute ago."""
    database.fill(
        ("UPDATE bot_trade SET status = 'open', exit_reason = NULL, note = NULL WHERE status = 'missed'", ()),
        # an attempt may make only so many requests in a minute, by what the reports say
        ("DELETE FROM bot_reconciliation", ()),
        ("DELETE FROM bot_suspect", ()),
        (
            "INSERT INTO bot_suspect SELECT id::uuid, now() - interval '1 minute' FROM unnest(%s::text[]) AS ids(id)",
            (list(suspects),),
        ),
    )
    database.tidy()
