"""Trades and their statistics."""
