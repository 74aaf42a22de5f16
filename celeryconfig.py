"""Celery's settings. Each one says which failure it prevents; the facts behind them are measured on Celery 5.7."""

from bot.settings import Settings

_settings = Settings.load()

broker_url = _settings.redis_url
# Kept for commands sent by hand, whose return value is their outcome. The truth about a command is its row.
result_backend = _settings.redis_url
result_expires = 3600

# A worker killed in the middle of a task would lose the message: acknowledge after the work, and put the message of a
# lost child back. It then comes last in the queue, and may come twice; the command log makes both harmless.
task_acks_late = True
task_reject_on_worker_lost = True
# A message of a worker killed with -9 stays invisible this long (Celery's default is an hour). The sweep has usually
# applied its command by then.
broker_transport_options = {"visibility_timeout": 60, "socket_keepalive": True, "health_check_interval": 10}
# The commands of one bot have one order: one at a time, none taken in advance by a worker that may die with it.
worker_concurrency = 1
worker_prefetch_multiplier = 1
# A restart of Redis must not end the worker, at start-up or later.
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
# A task goes on when Redis is lost: it works on Postgres, and its row tells how it ended.
worker_cancel_long_running_tasks_on_connection_loss = False
# Pickle in a message would be code from whoever reaches Redis.
task_serializer = result_serializer = "json"
accept_content = ["json"]
# A hung task would hold the only child for ever: the longest honest one reads from Alpaca for 12 s.
task_time_limit = 40
# Mingle and gossip cost a second at start-up and tell one bot's workers nothing that Postgres does not.
worker_consumer = "worker.consumer:Consumer"
# The worker's log lines are formatted by us.
worker_hijack_root_logger = False
worker_redirect_stdouts = False
# Beat's hooks are times of the exchange: 04:00 is 04:00 in New York, in summer and in winter.
timezone = "America/New_York"
enable_utc = True
