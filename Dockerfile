# One image for all of Pitboss: web, worker, beat, Flower, migrations and the simulated broker.
# docker-compose.yml says which command each of them runs.
FROM python:3.13-slim

# The account is a number, so that `runAsNonRoot` can be checked by who runs the image.
RUN groupadd --system --gid 10001 pitboss \
 && useradd --system --uid 10001 --gid pitboss --home-dir /var/lib/pitboss --shell /usr/sbin/nologin pitboss \
 && install --directory --owner pitboss --group pitboss --mode 0700 /var/lib/pitboss

WORKDIR /app

# The lock alone: this layer is made again only when it changes. Wheels only, so no compiler is needed. The lock is
# complete, so nothing is resolved; `pip check` proves it (as in script/setup).
COPY requirements.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --no-input --disable-pip-version-check --root-user-action=ignore \
        --no-deps --require-hashes --only-binary :all: --requirement requirements.txt \
 && pip check --disable-pip-version-check

COPY celeryconfig.py ./
COPY deploy deploy
COPY bot bot
COPY migrations migrations
COPY sandbox sandbox
COPY web web
COPY worker worker
# The root file system is read-only when it runs, so the bytecode has to be there before.
RUN python -m compileall -q . && chmod -R a+rX . && chmod a+x deploy/healthy deploy/flower

# Nothing here was set up by script/server: no account needs to be able to enter DATA_DIR to look for that.
ENV DATA_DIR=/var/lib/pitboss \
    HOST=0.0.0.0 \
    PITBOSS_NO_SERVER_ENV=1 \
    PORT=8000 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

# Last, since it changes with every release.
ARG VERSION=local
LABEL org.opencontainers.image.title="Pitboss" org.opencontainers.image.version="${VERSION}"

USER 10001:10001
EXPOSE 8000
# Alive, not ready: an orchestrator that ends unhealthy containers must not end web because Postgres is away.
HEALTHCHECK --interval=5s --timeout=3s --start-period=120s --retries=3 CMD ["/app/deploy/healthy", "web"]
CMD ["python", "-m", "gunicorn", "-c", "web/gunicorn_conf.py", "web.wsgi:app"]
