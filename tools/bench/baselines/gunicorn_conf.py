"""The settings of `web/gunicorn_conf.py` that decide how fast it is; a test holds the two together."""

import os

bind = f"127.0.0.1:{os.environ['BENCH_PORT']}"
workers = 2
worker_class = "gthread"
threads = 64
timeout = 30
graceful_timeout = 12
keepalive = 15
accesslog = None
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - gunicorn's heartbeat file
control_socket_disable = True
