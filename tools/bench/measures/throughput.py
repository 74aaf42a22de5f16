"""Commands per second with many clients.

They change a threshold: of all commands it is the one that goes the whole way (row, queue, worker, lock, validation) and
is applied in every state, whatever the other clients do in between; starts and stops would reject each other. The naive
side starts and stops, since it has nothing else, and refuses nothing. What was answered with 200 has to be in the tables
afterwards, on both sides.
"""

from __future__ import annotations

from tools.bench.errors import BenchError
from tools.bench.http import compose
from tools.bench.lab import Lab
from tools.bench.pitboss import Pitboss
from tools.bench.row import Group, Row, at_least
from tools.bench.series import Series

#: Thresholds in turn, so that each command changes the row.
_VALUES = (2, 3, 4, 5)


def run(lab: Lab) -> list[Row]:
    pitboss, naive, sizes = lab.pitboss, lab.naive, lab.sizes
    lab.crew.only(*pitboss.parts, *naive.parts)
    ours = of_clients(lab)
    theirs = of_naive_clients(lab)

    logged_before, changed_before = _logged(pitboss), naive.changes()
    done = lab.take_turns(
        {
            "ours": lambda: lab.crowd.per_second(pitboss.port, ours),
            "naive": lambda: lab.crowd.per_second(naive.port, theirs),
        }
    )
    answered = (sizes.rounds + 1) * sizes.clients * sizes.commands_each  # with the warm-up
    _check("applied and logged", _logged(pitboss) - logged_before, answered)
    _check("changed by the naive side", naive.changes() - changed_before, answered)
    return [
        Row(
            Group.TARGETS,
            "throughput",
            f"commands per second, {sizes.clients} clients, every one durable and logged",
            "/s",
            ours=Series.of(done["ours"]),
            baseline=Series.of(done["naive"]),
            against="naive",
            target=at_least(1.5),
        )
    ]


def of_clients(lab: Lab) -> list[list[bytes]]:
    """What each client sends to Pitboss."""
    changes = [
        lab.pitboss.request("PATCH", "/config", {"maxConcurrentPositions": value}) for value in _VALUES
    ]
    return [_cycled(changes, client, lab.sizes.commands_each) for client in range(lab.sizes.clients)]


def of_naive_clients(lab: Lab) -> list[list[bytes]]:
    """What each client sends to the naive side."""
    switches = [compose("POST", "/start"), compose("POST", "/stop")]
    return [_cycled(switches, client, lab.sizes.commands_each) for client in range(lab.sizes.clients)]


def _cycled(requests: list[bytes], first: int, count: int) -> list[bytes]:
    return [requests[(first + number) % len(requests)] for number in range(count)]


def _logged(pitboss: Pitboss) -> int:
    """Threshold changes in the log, after it was seen that all is finished and revisions have no gap."""
    pending, applied, revision = pitboss.database.rows(
        "SELECT count(*) FILTER (WHERE status = 'queued'), count(*) FILTER (WHERE status = 'applied'),"
        " (SELECT revision FROM bot_config) FROM bot_command"
    )[0]
    if pending or applied != revision:
        raise BenchError(
            f"The log has {applied} applied and {pending} pending commands; the revision is {revision}."
        )
    query = "SELECT count(*) FROM bot_command WHERE kind = 'update_config' AND status = 'applied'"
    return int(pitboss.database.value(query))


def _check(what: str, found: int, answered: int) -> None:
    if found != answered:
        raise BenchError(f"{answered} commands were answered with 200, but {found} were {what}.")
