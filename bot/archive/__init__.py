"""Moves old, finished rows out of the database, into files."""
