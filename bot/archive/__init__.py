"""Moves what is old and finished out of the database, into files."""
