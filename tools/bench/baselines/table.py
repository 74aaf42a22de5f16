"""The one row that the baselines read and write."""

SCHEMA = """
CREATE TABLE bot (id integer PRIMARY KEY, state text NOT NULL, changes bigint NOT NULL DEFAULT 0);
INSERT INTO bot VALUES (1, 'stopped')
"""
CHANGES = "SELECT changes FROM bot WHERE id = 1"
