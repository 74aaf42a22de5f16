"""What a scrape of /metrics reads of the tables, as Postgres counts it for the transaction that reads."""

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

from bot.queries.metrics import measure
from tests.bot.world import World

FEW, MANY = 20, 2_000

FINISHED = (
    "INSERT INTO bot_command (id, kind, actor, source, status, revision, issued_at, finished_at)"
    " SELECT gen_random_uuid(), 'start', 'a', 'api', 'applied', n, now(), now() FROM generate_series(%s, %s) n;"
    " ANALYZE bot_command"
)
#: Rows that came out of each table, and entries that came out of its indexes. (An answer that an index gives alone takes no row.)
READ = text(
    "SELECT relation.relname, pg_stat_get_xact_tuples_returned(relation.oid)"
    " + coalesce(sum(pg_stat_get_xact_tuples_returned(indexrelid)), 0) AS rows"
    " FROM pg_class relation LEFT JOIN pg_index ON indrelid = relation.oid"
    " WHERE relation.relkind = 'r' AND relation.relname LIKE 'bot%' GROUP BY relation.oid, relation.relname"
)


def _rows_of_a_scrape(world: World) -> Mapping[str, int]:
    """By table. The commands that finished since the last scrape are added up before; that is done once for each."""

    def read(session: Session) -> Counter[str]:
        return Counter({row.relname: int(row.rows) for row in session.execute(READ)})

    def scrape(session: Session) -> Mapping[str, int]:
        earlier = read(session)
        measure(session, world.settings)
        return read(session) - earlier

    world.database.run(lambda session: measure(session, world.settings))
    return world.database.run(scrape)


def test_a_scrape_reads_no_more_rows_with_many_finished_commands_than_with_few(world: World) -> None:
    world.sql(FINISHED, [1, FEW])
    few = _rows_of_a_scrape(world)
    world.sql(FINISHED, [FEW + 1, MANY])
    many = _rows_of_a_scrape(world)

    assert few["bot_command_tally"] > 0, "Postgres counts"
    assert {table: rows for table, rows in many.items() if rows > few[table]} == {}


def test_every_finished_command_is_in_what_a_scrape_reads(world: World) -> None:
    world.sql(FINISHED, [1, MANY])
    (tally,) = world.database.read(lambda session: measure(session, world.settings)).tallies
    assert tally.count == MANY
