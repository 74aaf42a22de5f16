"""Comparing open trades with what the broker says."""
