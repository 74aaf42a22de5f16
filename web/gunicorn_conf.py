"""gunicorn's settings for Pitboss."""

import os

from bot.settings import Settings

_settings = Settings.load()

bind = f"{_settings.host}:{_settings.port}"
# Two processes: one that dies or hangs leaves kill reachable.
workers = 2
worker_class = "gthread"
# A request that waits for an outcome only sleeps, and so does an event stream.
threads = 64
timeout = 30
# Longer than the longest wait for an outcome, so that a stop answers what it has begun.
graceful_timeout = 12
keepalive = 15
accesslog = None
# The heartbeat file of gunicorn's processes must not wait for a busy disk.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108
# A socket in the home directory by which gunicorn could be steered: nobody needs it here.
control_socket_disable = True
