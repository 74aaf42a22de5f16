"""Alpaca's API: the one place that knows it."""
