"""Celery's settings. Each one says which failure it prevents; the facts behind them are measured on Celery 5.7."""

import sys

from kombu import Exchange, Queue
from redis.backoff import NoBackoff
from redis.retry import Retry

from bot.errors import SettingsError
from bot.settings import queue
from bot.settings.settings import Settings
from bot.states import COMMANDS

try:
    _settings = Settings.load_without_database()
except SettingsError as error:
    sys.exit(f"Pitboss cannot start: {error}")
_messages, _results = queue.messages(_settings), queue.results(_settings)

broker_url = _messages.url
broker_use_ssl = _messages.tls
broker_transport_options = _messages.options
if _messages.kind is queue.Kind.SENTINEL:
    # redis-py would ask a dead Sentinel ten times before it asks the next one.
    broker_transport_options["sentinel_kwargs"]["retry"] = Retry(NoBackoff(), 0)
# A connection to RabbitMQ that died without a word is noticed in seconds, not in minutes.
broker_heartbeat = 10
# Kept for commands sent by hand, whose return value is their outcome. The truth about a command is its row.
result_backend = "rpc://" if _results is None else _results.url
# By Celery's default they would lie there for a day, in a memory that refuses messages when it is full.
result_expires = 3600
if _results is not None:
    redis_backend_use_ssl = _results.tls
    if _results.kind is queue.Kind.SENTINEL:
        result_backend_transport_options = _results.options | {
            "sentinel_kwargs": _results.options["sentinel_kwargs"] | {"retry": Retry(NoBackoff(), 0)}
        }
_type, _arguments = "direct", None
if _messages.kind is queue.Kind.RABBITMQ:
    # A queue on one node of a cluster is lost with the node; a quorum queue is kept by most of them.
    task_default_queue_type = "quorum"
    _arguments = {"x-queue-type": "quorum"}
    # A retry's delay: with a direct exchange, RabbitMQ could not wait for us, and the worker would.
    task_default_exchange_type = _type = "topic"
# A manual kill would wait behind whatever else was sent: what makes the bot safer has a queue of its own, which comes first.
task_queues = [
    Queue(name, Exchange(name, _type), routing_key=name, queue_arguments=_arguments)
    for name in (queue.HALTS_QUEUE, queue.DEFAULT_QUEUE)
]
task_default_queue = queue.DEFAULT_QUEUE
task_routes = {f"bot.{kind}": {"queue": queue.HALTS_QUEUE} for kind, spec in COMMANDS.items() if spec.safer}
# The flatten before the close would be dropped as late behind messages of five minutes, and positions be kept over night.
task_routes["bot.force_close"] = {"queue": queue.HALTS_QUEUE}

# A worker killed in the middle of a task would lose the message: acknowledge after the work, and put the message of a
# lost child back. It then comes last in the queue, and may come twice; the command log makes both harmless.
task_acks_late = True
task_reject_on_worker_lost = True
# The commands of one bot have one order: one at a time, none taken in advance by a worker that may die with it.
worker_concurrency = 1
worker_prefetch_multiplier = 1
# A restart of Redis must not end the worker, at start-up or later.
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
# Nor may a Redis that is there and refuses writes: no replica, no memory, read-only. It is as good as away.
broker_channel_error_retry = True
# A task goes on when Redis is lost: it works on Postgres, and its row tells how it ended.
worker_cancel_long_running_tasks_on_connection_loss = False
# Pickle in a message would be code from whoever reaches Redis.
task_serializer = result_serializer = "json"
accept_content = ["json"]
# A hung task would hold the only child for ever: the longest honest one reads from Alpaca for 12 s.
task_time_limit = 40
# Mingle and gossip cost a second at start-up and tell one bot's workers nothing that Postgres does not.
worker_consumer = "worker.consumer:Consumer"
# Celery's own logging would take our handler off the root logger, and with it the masking of secrets, and would make a
# warning of all that is printed. It does neither while worker.app listens to setup_logging; these hold without that, too.
worker_hijack_root_logger = False
worker_redirect_stdouts = False
# Beat looks up this often, in seconds, even with nothing to do, so that a health check can tell that it lives.
beat_scheduler = "worker.beat:Scheduler"
beat_max_loop_interval = 10
# Our own hooks are never late; nor may a crontab be that another program adds: a force-close of yesterday fires at the bell.
beat_cron_starting_deadline = 300
# Beat's hooks are times of the exchange: 04:00 is 04:00 in New York, in summer and in winter.
timezone = "America/New_York"
enable_utc = True
