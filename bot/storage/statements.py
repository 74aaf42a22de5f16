"""All prepared SQL, in one place: the statements on a command's way, those of a status, and those of a reconciliation.

They are written by hand because they are hot: what SQLAlchemy does to build and plan a statement costs more than Postgres
takes to run it. Everything else in ``bot`` is SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache

from bot.models import SINGLETON, BotCommand, BotConfig, BotReconciliation, TradeStatus, Trigger
from bot.models.command_stats import BOUNDS_SEC
from bot.models.status_rows import StatusConfig, StatusReport
from bot.states import (
    COMMANDS,
    MOST_PENDING,
    BotState,
    CommandKind,
    CommandSpec,
    CommandStatus,
    Mode,
    Source,
)
from bot.storage.pipeline import PreparedStatement
from bot.storage.row_mapper import RowMapper

# ruff: noqa: S608 - every statement here is made of constants; values travel as parameters

CONFIG = RowMapper(BotConfig)
COMMAND = RowMapper(BotCommand)

# -- the bot's row --------------------------------------------------------------------------------------------

#: Locks the row, and notes for the rest of the transaction that it did.
LOCK_CONFIG = PreparedStatement(
    "lock_bot_config",
    f"WITH held AS MATERIALIZED (SELECT 1 FROM bot_config WHERE id = '{SINGLETON}' FOR UPDATE)"
    " SELECT set_config('pitboss.holds_the_row', 'yes', true) FROM held",
)
_QUEUED = f"FROM bot_command WHERE status = '{CommandStatus.QUEUED}'"


def _kinds(has: Callable[[CommandSpec], bool]) -> str:
    """A condition for the kinds whose row in COMMANDS *has* something."""
    kinds = ", ".join(f"'{kind}'" for kind, spec in COMMANDS.items() if has(spec))
    return f"kind IN ({kinds})"


_HALTS = _kinds(lambda spec: spec.is_halt)
_SAFER = _kinds(lambda spec: spec.safer)
_SUPERSEDED_BY_HALTS = _kinds(lambda spec: spec.superseded_by_halts)
_ONLY_WAITS = _kinds(lambda spec: spec.only_waits)
#: Pending commands that are read at once under the lock.
WINDOW = 200


def _locked_with(label: str, pending: str, parameters: int) -> PreparedStatement:
    """The locked row, its clock, when the last pending halt was issued, and *pending* commands. A statement of its own: its
    snapshot is taken when the lock is held. A row that another process made between the two is not locked, so it is not
    seen."""
    return PreparedStatement(
        label,
        f"SELECT {CONFIG.columns('config')}, clock_timestamp(),"
        f" (SELECT max(issued_at) {_QUEUED} AND {_HALTS}), {COMMAND.columns('command')}"
        f" FROM bot_config config LEFT JOIN LATERAL ({pending}) command ON true"
        f" WHERE config.id = '{SINGLETON}' AND current_setting('pitboss.holds_the_row', true) = 'yes'"
        " ORDER BY command.seq",
        parameters,
    )


#: With the pending commands behind seq $1, at most WINDOW; those that only wait for evidence if $2 says so.
READ_LOCKED = _locked_with(
    "read_bot_config",
    f"SELECT * {_QUEUED} AND seq > $1 AND ($2::boolean OR NOT {_ONLY_WAITS}) ORDER BY seq LIMIT {WINDOW}",
    2,
)
#: With command $1 alone, if it is pending: what it costs does not depend on how many are.
READ_LOCKED_ALONE = _locked_with("read_bot_config_alone", f"SELECT * {_QUEUED} AND id = $1", 1)
#: What a new command asks for, by column. $9 is when it was sent, $10 when it fell due, $11 its lifetime; $12 says that it is taken
#: however many are pending. What was not sent, but asked for here and now, is issued after the last halt whatever the clock says.
_ASKED = {
    "id": "$1::uuid",
    "kind": "$2::text",
    "params": "$3::jsonb",
    "actor": "$4::text",
    "source": "$5::text",
    "reason": "$6::text",
    "idempotency_key": "$7::text",
    "remote_addr": "$8::text",
    "sent_at": "$9::timestamptz",
    "issued_at": "CASE WHEN $9::timestamptz IS NULL"
    f" THEN greatest(time.now, (SELECT halted_at FROM bot_config WHERE id = '{SINGLETON}')) ELSE time.issued END",
    "expires_at": "coalesce(time.issued, time.now) + $11::interval",
    "token_name": "$13::text",
    "sent_from": "$14::text",
    "status": "$15::text",
}
#: When it comes in, which is before it waits for the lock, and whether it is taken.
_TAKEN = (
    "FROM (SELECT clock.now, CASE WHEN $9::timestamptz IS NOT NULL"
    "   THEN least(greatest($9::timestamptz, $10::timestamptz), clock.now) END AS issued"
    "   FROM (SELECT statement_timestamp() AS now OFFSET 0) clock OFFSET 0) time"
    f" WHERE ($12::boolean OR (SELECT count(*) FROM (SELECT 1 {_QUEUED} LIMIT {MOST_PENDING}) pending) < {MOST_PENDING})"
)
_NEW_ROW = dict.fromkeys(COMMAND.names, "NULL") | _ASKED | {"seq": "nextval('bot_command_seq_seq')"}
#: With a command that is not in the log yet, unless its id or its actor's key is: whoever holds the lock finishes it, and then puts
#: it there.
READ_LOCKED_NEW = _locked_with(
    "read_bot_config_new",
    f"SELECT {', '.join(f'{value} AS {name}' for name, value in _NEW_ROW.items())} {_TAKEN}"
    " AND NOT EXISTS (SELECT FROM bot_command WHERE id = $1::uuid)"
    " AND NOT EXISTS (SELECT FROM bot_command WHERE actor = $4::text AND idempotency_key = $7::text)",
    15,
)
ROW_WAS_GONE = (
    "The row of the bot was gone from the database. It was made again from the log: check the mode and set the thresholds,"
    " which are the defaults now, then rearm and start."
)
#: Makes the row, if it is not there; of several at once the first one does. The migration makes it, too, so where the log
#: has applied commands somebody has deleted it: what is not in the log is lost, so the bot is killed, by a command of the
#: system that goes on with the log's revisions.
MAKE_CONFIG = PreparedStatement(
    "make_bot_config",
    "WITH last AS (SELECT revision + 1 AS revision, to_state, mode, clock_timestamp() AS at,"
    f"  '{ROW_WAS_GONE}' AS reason, (SELECT max(seq) + 1 FROM bot_command) AS halt_seq"
    f" FROM bot_command WHERE status = '{CommandStatus.APPLIED}' ORDER BY bot_command.revision DESC LIMIT 1),"
    " made AS (INSERT INTO bot_config (id, mode, revision, halt_seq, halted_at, killed_at, kill_reason,"
    "  gate_closed_at, reconcile_due_at, reconcile_trigger)"
    f" SELECT '{SINGLETON}', coalesce(mode, '{Mode.PAPER}'), coalesce(revision, 0), coalesce(halt_seq, 0), at, at, reason,"
    f"  at, at, CASE WHEN at IS NOT NULL THEN '{Trigger.STARTUP}' END"
    "  FROM (SELECT) AS always LEFT JOIN last ON true ON CONFLICT DO NOTHING RETURNING mode)"
    " INSERT INTO bot_command (id, kind, actor, source, reason, status, from_state, to_state, mode, revision,"
    "  issued_at, finished_at)"
    f" SELECT gen_random_uuid(), '{CommandKind.KILL}', 'pitboss', '{Source.SYSTEM}', reason, '{CommandStatus.APPLIED}',"
    f"  to_state, '{BotState.STOPPED}', made.mode, revision, at, at FROM made, last",
)
READ_CONFIG = PreparedStatement(
    "read_thresholds", f"SELECT {CONFIG.columns()} FROM bot_config WHERE id = '{SINGLETON}'"
)
#: Ends connections that have idled for a second inside a transaction that holds a lock on the bot's row; one row for
#: each that was ended. It has the rights of the tables' owner, who may end more than the application's own.
EVICT_IDLE_LOCK_HOLDERS = PreparedStatement(
    "evict_idle_lock_holders", "SELECT * FROM bot_evict_idle_lock_holders()"
)


@cache  # few combinations ever change
def change_config(names: tuple[str, ...]) -> PreparedStatement:
    """The statement that sets the columns *names* of the bot's row, in this order."""
    changes = ", ".join(f"{name} = ${place}" for place, name in enumerate(names, 1))
    return PreparedStatement(
        "change_bot_config", f"UPDATE bot_config SET {changes} WHERE id = '{SINGLETON}'", len(names)
    )


# -- commands -------------------------------------------------------------------------------------------------

#: What finishing a command writes.
OUTCOME = (
    "status",
    "from_state",
    "to_state",
    "mode",
    "revision",
    "error_code",
    "error",
    "error_details",
    "changes",
    "finished_at",
)
FINISH_COMMAND = PreparedStatement(
    "finish_bot_command",
    "UPDATE bot_command SET "
    + ", ".join(f"{name} = ${place}" for place, name in enumerate(OUTCOME, 2))
    + " WHERE id = $1",
    len(OUTCOME) + 1,
)
#: Puts a command into the log; its parameters are those of ``_ASKED``.
INSERT_COMMAND = PreparedStatement(
    "insert_bot_command",
    f"INSERT INTO bot_command ({', '.join(_ASKED)}) SELECT {', '.join(_ASKED.values())} {_TAKEN}"
    f" ON CONFLICT DO NOTHING RETURNING {COMMAND.columns()}",
    15,
)
#: What is written of a command that is put into the log with its outcome.
NEW_COLUMNS = tuple(dict.fromkeys([*_ASKED, "seq", *OUTCOME]))
#: Puts a command into the log that ``READ_LOCKED_NEW`` has read, as it is then.
INSERT_NEW = PreparedStatement(
    "insert_new_bot_command",
    f"INSERT INTO bot_command ({', '.join(NEW_COLUMNS)}) OVERRIDING SYSTEM VALUE"
    f" VALUES ({', '.join(f'${place}' for place in range(1, len(NEW_COLUMNS) + 1))})",
    len(NEW_COLUMNS),
)
_AWAITING = f"FROM bot_command WHERE status = '{CommandStatus.AWAITING_APPROVAL}'"
#: Lets command $1 take its turn, approved by $2, with a lifetime of $3 from now on.
APPROVE_COMMAND = PreparedStatement(
    "approve_bot_command",
    f"UPDATE bot_command SET status = '{CommandStatus.QUEUED}', approved_by = $2, approved_at = clock_timestamp(),"
    " expires_at = clock_timestamp() + $3::interval"
    f" WHERE id = $1 AND status = '{CommandStatus.AWAITING_APPROVAL}' AND actor <> $2 AND expires_at > clock_timestamp()"
    f" RETURNING {COMMAND.columns()}",
    3,
)
COUNT_AWAITING = PreparedStatement("count_awaiting_bot_commands", f"SELECT count(*) {_AWAITING}")
#: The locked row with the commands that nobody approved in time; with $1 that command, if it waits for approval.
READ_LOCKED_UNAPPROVED = _locked_with(
    "read_bot_config_unapproved",
    f"SELECT * {_AWAITING} AND CASE WHEN $1::uuid IS NULL THEN expires_at <= clock_timestamp() ELSE id = $1 END"
    f" ORDER BY seq LIMIT {WINDOW}",
    1,
)
FIND_COMMAND = PreparedStatement(
    "find_bot_command", f"SELECT {COMMAND.columns()} FROM bot_command WHERE id = $1", 1
)
COMMAND_BY_KEY = PreparedStatement(
    "bot_command_by_key",
    f"SELECT {COMMAND.columns()} FROM bot_command WHERE actor = $1 AND idempotency_key = $2",
    2,
)
#: The pending commands of whom evidence is awaited, the first $1.
AWAITING_EVIDENCE = PreparedStatement(
    "bot_commands_awaiting_evidence",
    f"SELECT {COMMAND.columns()} {_QUEUED} AND {_kinds(lambda spec: spec.needs_evidence)} ORDER BY seq LIMIT $1",
    1,
)
PENDING_COMMANDS = PreparedStatement(
    "pending_bot_commands", f"SELECT {COMMAND.columns()} {_QUEUED} ORDER BY seq"
)
#: Whether there is something to finish: a command that does not only wait for evidence, or a kill without its row.
ANYTHING_TO_FINISH = PreparedStatement(
    "anything_to_finish",
    f"SELECT EXISTS (SELECT {_QUEUED} AND NOT {_ONLY_WAITS})"
    " OR EXISTS (SELECT FROM bot_config WHERE unlogged_kill IS NOT NULL)",
)
LAST_PENDING_HALT = PreparedStatement("last_pending_halt", f"SELECT max(seq) {_QUEUED} AND {_HALTS}")
#: Whether a pending command has expired or is superseded, whether one that makes the bot safer waits for longer than $1, and
#: the last such seq.
OVERDUE_COMMANDS = PreparedStatement(
    "overdue_bot_commands",
    "SELECT coalesce(bool_or(expires_at < clock_timestamp()"
    f" OR ({_SUPERSEDED_BY_HALTS} AND (seq < config.halt_seq OR least(sent_at, issued_at) < config.halted_at))), false),"
    f" coalesce(bool_or({_SAFER} AND issued_at < clock_timestamp() - $1::interval), false),"
    f" max(seq) FILTER (WHERE {_SAFER}),"
    f" EXISTS (SELECT {_AWAITING} AND expires_at <= clock_timestamp())"
    f" FROM bot_command, (SELECT halt_seq, halted_at FROM bot_config) config WHERE status = '{CommandStatus.QUEUED}'",
    1,
)

#: The finished commands behind link $1, at most $2, each with its hash and what is hashed: as the migration's trigger has it.
LINKED_COMMANDS = PreparedStatement(
    "linked_bot_commands",
    "SELECT id::text, link, hash, jsonb_build_array(link, id, seq, kind, params, actor, source, reason, idempotency_key, status,"
    " from_state, to_state, mode, revision, error_code, error, error_details, changes, remote_addr, token_name, sent_from,"
    " approved_by, extract(epoch FROM approved_at), extract(epoch FROM sent_at), extract(epoch FROM issued_at),"
    " extract(epoch FROM expires_at), extract(epoch FROM finished_at))::text"
    " FROM bot_command WHERE link > $1 ORDER BY link, id LIMIT $2",
    2,
)

# -- status ---------------------------------------------------------------------------------------------------

SNAPSHOT_REPORT = RowMapper(BotReconciliation, *(field.name for field in fields(StatusReport)))
SNAPSHOT_CONFIG = RowMapper(BotConfig, *(field.name for field in fields(StatusConfig)))
#: The trading date, as bot.market_hours.trading_date has it. Not clock_timestamp(): Postgres would not look for it by an index.
_TODAY = "timezone('America/New_York', statement_timestamp())::date"
#: The clock, and by which snapshot Postgres answers: ``<lowest>:<next>:<in progress>``, numbers of transactions.
CLOCK = PreparedStatement("clock_and_commits", "SELECT statement_timestamp(), pg_current_snapshot()::text")
#: Begins with what CLOCK has, and with the time from which on the same rows say something else: those of the next trading
#: date count, or a heartbeat that is yet to come.
SNAPSHOT = PreparedStatement(
    "snapshot_of_bot",
    "SELECT statement_timestamp(), pg_current_snapshot()::text,"
    f" least(timezone('America/New_York', ({_TODAY} + 1)::timestamp),"
    "  (SELECT min(last_seen_at) FROM bot_worker WHERE last_seen_at > statement_timestamp())),"
    f" (SELECT count(*) FROM bot_trade WHERE status = '{TradeStatus.OPEN}'),"
    f" (SELECT count(*) FROM bot_trade WHERE status = '{TradeStatus.MISSED}' AND filled AND acknowledged_at IS NULL),"
    " stats.realized_pnl, stats.trade_count,"
    f" (SELECT count(*) FROM bot_command WHERE status = '{CommandStatus.QUEUED}'),"
    # a time yet to come is from before the clock was put back
    " (SELECT max(last_seen_at) FROM bot_worker WHERE last_seen_at <= clock_timestamp()),"
    " (SELECT state FROM bot_flatten ORDER BY started_at DESC LIMIT 1),"
    " reading.read_at, reading.open_pnl, reading.market_open, reading.next_open, reading.next_close,"
    f" {SNAPSHOT_CONFIG.columns('config')}, {SNAPSHOT_REPORT.columns('report')}"
    f" FROM bot_config config LEFT JOIN bot_daily_stats stats ON stats.date = {_TODAY} AND stats.mode = config.mode"
    " LEFT JOIN bot_broker_reading reading ON reading.mode = config.mode"
    " LEFT JOIN bot_reconciliation report ON report.id = (SELECT max(id) FROM bot_reconciliation)"
    f" WHERE config.id = '{SINGLETON}'",
)

#: Trades that are looked at when a bot is killed, the latest.
MOST_TRADES = 200
#: What the broker held of the present mode when it was last read, and the open trades beside it: symbol, order, whether it is known
#: to have filled, its shares and those that are left, as text, which JSON does not round.
EXPOSURE = PreparedStatement(
    "what_stays_open",
    "SELECT reading.read_at, reading.positions, ARRAY("
    "  SELECT jsonb_build_array(symbol, alpaca_order_id, filled, shares::text, (shares - exited_shares)::text)"
    f" FROM bot_trade WHERE status = '{TradeStatus.OPEN}' ORDER BY created_at DESC LIMIT {MOST_TRADES})"
    " FROM (SELECT) AS always"
    " LEFT JOIN bot_broker_reading reading ON reading.mode = (SELECT mode FROM bot_config)",
)

# -- reconciliation -------------------------------------------------------------------------------------------

MODE_NOW = PreparedStatement("mode_of_bot", "SELECT mode, clock_timestamp() FROM bot_config")
#: Open trades made before $1, added up by symbol and asset, and whether the sum does not say all: a fill is not recorded for
#: longer than $2, or there are both long and short ones.
OPEN_BY_ASSET = PreparedStatement(
    "open_trades_by_asset",
    "SELECT symbol, asset_id, sum(shares - exited_shares), count(*),"
    " bool_or(NOT filled AND created_at < $1::timestamptz - $2::interval) OR bool_or(shares > 0) AND bool_or(shares < 0)"
    f" FROM bot_trade WHERE status = '{TradeStatus.OPEN}' AND created_at < $1::timestamptz GROUP BY symbol, asset_id",
    2,
)

# -- signs of life --------------------------------------------------------------------------------------------

#: The sign $1 is given.
GIVE_SIGN = PreparedStatement(
    "give_sign_of_life",
    "INSERT INTO bot_pulse (name, seen_at) VALUES ($1, clock_timestamp())"
    " ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at",
    1,
)
#: The worker $1 lives; $2 says why it takes no messages, if it does not.
SEE_WORKER = PreparedStatement(
    "see_worker",
    "INSERT INTO bot_worker (name, started_at, last_seen_at, trouble)"
    " VALUES ($1, clock_timestamp(), clock_timestamp(), $2)"
    " ON CONFLICT (name) DO UPDATE SET last_seen_at = excluded.last_seen_at, trouble = excluded.trouble",
    2,
)
#: Writes 300 KB beside the tables and throws it away. A row may find room in its page when the disk has none left.
KEEP_LITTLE_IN_MEMORY = "SET LOCAL work_mem = '64kB'"
TRY_THE_DISK = PreparedStatement("try_the_disk", "SELECT count(*) FROM generate_series(1, 8000)")

# -- metrics --------------------------------------------------------------------------------------------------

_BOUNDS = ", ".join(map(str, BOUNDS_SEC))
_SLOTS = ", ".join(
    f"count(*) FILTER (WHERE width_bucket(seconds, ARRAY[{_BOUNDS}]::double precision[]) + 1 = {slot})"
    for slot in range(1, len(BOUNDS_SEC) + 2)
)
#: Adds the finished commands that are not in a tally yet to the tallies. One statement, so that each row is counted once
#: whoever else counts at the same time.
COUNT_COMMANDS = PreparedStatement(
    "count_bot_commands",
    "WITH counted AS (DELETE FROM bot_command_uncounted RETURNING kind, status, seconds)"
    " INSERT INTO bot_command_tally AS tally (kind, status, count, seconds, buckets)"
    f" SELECT kind, status, count(*), sum(seconds), ARRAY[{_SLOTS}] FROM counted GROUP BY kind, status ORDER BY kind, status"
    " ON CONFLICT (kind, status) DO UPDATE SET count = tally.count + excluded.count,"
    " seconds = tally.seconds + excluded.seconds,"
    " buckets = ARRAY(SELECT a + b FROM unnest(tally.buckets, excluded.buckets) AS pairs(a, b))",
)
