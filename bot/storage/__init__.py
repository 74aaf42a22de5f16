"""Postgres: connections, prepared statements, the one lock."""
