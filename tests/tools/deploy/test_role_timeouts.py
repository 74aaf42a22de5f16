"""docs/scaling.md gives a role the time-outs that connections otherwise bring along."""

from __future__ import annotations

import re

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from bot.storage.database import engine_options
from tools import doc_blocks


def test_the_documented_time_outs_are_those_of_a_connection(database_url: str) -> None:
    (block,) = doc_blocks.blocks("scaling.md", language="sql")
    documented = dict(re.findall(r"ALTER ROLE pitboss SET (\w+) = '([\w ]+)';", block))
    options = engine_options()
    brought = dict(re.findall(r"-c (\w+)=((?:\\.|\w)+)", options["connect_args"]["options"]))
    assert documented.keys() == brought.keys()

    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg2"), **options)
    with engine.connect() as connection:
        for name, value in documented.items():
            shown = connection.scalar(text(f"SHOW {name}"))
            connection.execute(text(f"SET {name} = '{value}'"))
            assert connection.scalar(text(f"SHOW {name}")) == shown, name
    engine.dispose()
