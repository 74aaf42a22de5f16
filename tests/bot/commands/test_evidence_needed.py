"""When a worker has to gather evidence: one look tells, so that an idle worker asks Postgres once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.commands.evidence import EvidenceGatherer
from bot.commands.log import NewCommand
from bot.states import CommandKind, Source
from tests.bot.ledger_world import World, settings_of

NOT_YET = "UPDATE bot_config SET reconcile_due_at = now() + interval '1 minute'"


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    world = World(settings_of(database_url))
    yield world
    world.close()


@pytest.fixture
def gatherer(world: World) -> EvidenceGatherer:
    return EvidenceGatherer(world.controller, world.database, world.settings)


def test_it_is_needed_as_soon_as_an_attempt_is_due(world: World, gatherer: EvidenceGatherer) -> None:
    world.sql(NOT_YET)
    assert not gatherer.is_needed()
    world.sql("UPDATE bot_config SET reconcile_due_at = now()")
    assert gatherer.is_needed()


@pytest.mark.parametrize(
    ("kind", "params", "needed"),
    [
        (CommandKind.RECONCILE, {}, True),
        (CommandKind.SET_MODE, {"mode": "live"}, True),
        (CommandKind.START, {}, False),
    ],
)
def test_it_is_needed_while_a_command_waits_that_cannot_be_judged_without(
    world: World, gatherer: EvidenceGatherer, kind: CommandKind, params: dict[str, object], needed: bool
) -> None:
    world.controller.submit(NewCommand(kind=kind, actor="tests", source=Source.API, params=params))
    world.sql(NOT_YET)
    assert gatherer.is_needed() is needed
    world.sql("UPDATE bot_command SET status = 'rejected', finished_at = now() WHERE status = 'queued'")
    assert not gatherer.is_needed()
