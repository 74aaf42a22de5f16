"""Alerts: messages to people who may not be looking at the panel."""
