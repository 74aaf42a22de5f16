"""Alpaca: the one place that knows it."""
