"""Flattening: one durable command that cancels every order and closes every position, until the broker confirms it."""
