"""Metrics, health and what web does in the background."""
