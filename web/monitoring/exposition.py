"""Builds the metrics: those of the database, which is read for each scrape, and those of web's answers."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from bot.alerts.write_monitor import WriteMonitor
from bot.errors import PitbossError
from bot.models import Outcome
from bot.models.command_stats import BOUNDS_SEC
from bot.models.status_rows import StatusReport
from bot.queries.metrics import Measures, measure
from bot.runtime.timeout import run_with_timeout
from bot.settings.settings import Settings
from bot.states import BotState, CommandKind, CommandStatus, Mode
from bot.status.gate import Reason
from bot.storage.database import Database
from web.commands.publisher import Publisher
from web.monitoring import request_metrics

#: How long a scrape waits for the database, in seconds; Prometheus gives a scrape 10 s.
PATIENCE_SEC = 5.0
#: How long a scrape waits for another one to be done, in seconds.
TURN_SEC = 1.0

log = logging.getLogger(__name__)


class Verdict(StrEnum):
    """The result of the last reconciliation."""

    NONE = "none"  # there was none yet
    OK = "ok"
    DIFFERS = "differs"
    FAILED = "failed"


class Metrics:
    """All metrics, as text. Those of HTTP are sums over gunicorn's processes."""

    def __init__(
        self, database: Database, settings: Settings, publisher: Publisher, writes: WriteMonitor
    ) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Writes(writes))
        self._registry.register(_FromDatabase(database, settings))
        self._registry.register(_Queue(publisher))

    def text(self) -> bytes:
        return generate_latest(self._registry) + generate_latest(_http())


def _http() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return request_metrics.REGISTRY  # one process, as with flask run
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_EveryProcess(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])))
    return registry


class _EveryProcess(Collector):
    """The sums over gunicorn's processes.

    A process creates its file, and gives it a length afterwards: prometheus_client cannot read one that has none yet.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterable[Metric]:
        written = [str(file) for file in self._directory.glob("*.db") if file.stat().st_size]
        return MultiProcessCollector.merge(written)


class _Queue(Collector):
    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def collect(self) -> Iterable[Metric]:
        yield _gauge(
            "queue_up", "Whether the queue took the last message.", self._publisher.trouble() is None
        )


class _Writes(Collector):
    def __init__(self, writes: WriteMonitor) -> None:
        self._writes = writes

    def collect(self) -> Iterable[Metric]:
        yield _gauge(
            "database_writable",
            "Whether the database could be written when it was last tried.",
            self._writes.trouble is None,
        )


class _FromDatabase(Collector):
    """Reads the database for each scrape. If it cannot be reached or does not answer, that is a metric, not an error."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        # a database that hangs must not block another thread with each scrape
        self._one = threading.Lock()

    def collect(self) -> Iterable[Metric]:
        found = self._read()
        yield _gauge("database_up", "Whether the database answered this scrape.", found is not None)
        # an alert on waiting alerts has to know whether they have a destination
        yield _gauge(
            "webhook_set", "Whether alerts are sent to a webhook.", self._settings.alert_webhook is not None
        )
        if found is not None:
            yield from _describe(found)

    def _read(self) -> Measures | None:
        if not self._one.acquire(timeout=TURN_SEC):
            return None  # another scrape is still waiting for the database

        def read() -> Measures:
            try:
                return self._database.read(lambda session: measure(session, self._settings))
            finally:
                self._one.release()

        try:
            return run_with_timeout(PATIENCE_SEC, read)
        except (PitbossError, TimeoutError):
            return None
        except Exception:
            log.exception("the metrics of the database cannot be read")
            return None


def _describe(found: Measures) -> Iterator[Metric]:
    now, config, gate = found.snapshot.now, found.snapshot.config, found.gate
    yield from _commands(found)
    yield _gauge("commands_pending", "Commands that are not finished.", found.snapshot.pending_commands)
    yield _gauge(
        "commands_pending_oldest_age_seconds", "Age of the oldest of them.", _sec(found.oldest_pending)
    )
    yield _gauge("gate_open", "Whether a position may be opened now.", gate.may_open)
    yield _states("gate_closed", "Each reason that keeps the gate closed.", "reason", Reason, gate.reasons)
    yield _states("state", "What the bot may do.", "state", BotState, [config.state])
    yield _states("mode", "Which account the bot acts on.", "mode", Mode, [config.mode])
    yield _gauge("enabled", "The persistent kill switch: 0 is off.", config.enabled)
    yield _gauge("killed", "Whether the kill latch is on.", config.killed)
    yield _gauge("revision", "Applied commands so far.", config.revision)
    yield _gauge("market_open", "Whether the market counts as open.", found.market_open)
    last = found.snapshot.reconciliation
    yield _states(
        "reconciliation", "What the last reconciliation came to.", "outcome", Verdict, [_verdict(last)]
    )
    yield _gauge(
        "reconciliation_age_seconds",
        "Since the last reconciliation.",
        _age(now, None if last is None else last.finished_at),
    )
    yield _gauge("worker_online", "Whether a worker lives.", found.snapshot.worker_online)
    yield _gauge("workers_online", "Workers that live, standbys included.", found.workers_online)
    yield _gauge("workers_deaf", "Those of them that were told to take no messages.", found.workers_deaf)
    yield _gauge(
        "worker_heartbeat_age_seconds",
        "Since the last heartbeat of any worker.",
        _age(now, found.snapshot.worker_seen_at),
    )
    yield _gauge("beat_age_seconds", "Since beat last gave a sign of life.", _age(now, found.beat_seen_at))
    yield _gauge("open_positions", "Trades that are open.", found.snapshot.open_trades)
    yield _gauge(
        "max_concurrent_positions", "Trades that may be open at once.", config.max_concurrent_positions
    )
    yield _gauge("today_realized_pnl_usd", "Realized today.", float(found.snapshot.realized_pnl))
    yield _gauge("daily_loss_limit_usd", "Loss that closes the gate.", float(config.daily_loss_limit_usd))
    yield _gauge("today_trades", "Trades closed today.", found.snapshot.trade_count)
    alerts = GaugeMetricFamily("pitboss_alerts", "Alerts of the outbox.", labels=["status"])
    for status, count in found.alerts.items():
        alerts.add_metric([status], count)
    yield alerts
    yield _gauge(
        "alert_destinations_failing",
        "Addresses of ALERT_URLS that did not take the last alert.",
        found.destinations_failing,
    )


def _commands(found: Measures) -> Iterator[Metric]:
    counted = CounterMetricFamily(
        "pitboss_commands", "Finished commands, by kind and how they ended.", labels=["kind", "outcome"]
    )
    took = HistogramMetricFamily(
        "pitboss_command_duration_seconds", "From a command's issue to its being applied.", labels=["kind"]
    )
    tallies = {(each.kind, each.status): each for each in found.tallies}
    ends = [
        status
        for status in CommandStatus
        if status not in (CommandStatus.QUEUED, CommandStatus.AWAITING_APPROVAL)
    ]
    # a counter that begins with its first event hides that event from rate()
    for key in {(kind, end) for kind in CommandKind for end in ends} | tallies.keys():
        counted.add_metric(list(map(str, key)), tallies[key].count if key in tallies else 0)
    for kind in CommandKind:
        each = tallies.get((kind, CommandStatus.APPLIED))
        buckets, cumulated = [], 0
        for number, bound in enumerate([*map(repr, BOUNDS_SEC), "+Inf"]):
            cumulated += 0 if each is None else each.buckets[number]
            buckets.append((bound, float(cumulated)))
        took.add_metric([kind], buckets, 0.0 if each is None else each.seconds)
    yield counted
    yield took


def _verdict(last: StatusReport | None) -> Verdict:
    if last is None:
        return Verdict.NONE
    if last.outcome is not Outcome.OK:
        return Verdict.FAILED
    return Verdict.DIFFERS if last.differences else Verdict.OK


def _gauge(name: str, help_text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"pitboss_{name}", help_text, value=float(value))


def _states(
    name: str, help_text: str, label: str, all_of: type[StrEnum], held: Iterable[StrEnum]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"pitboss_{name}", help_text, labels=[label])
    now = set(held)
    for each in all_of:
        family.add_metric([each], float(each in now))
    return family


def _age(now: datetime, then: datetime | None) -> float:
    """The age in seconds; infinite if it never happened."""
    return float("inf") if then is None else max(0.0, _sec(now - then))


def _sec(span: timedelta) -> float:
    return span.total_seconds()
