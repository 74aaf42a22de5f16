"""Speaks HTTP: the REST interface and the panel. Translates, and leaves every decision to ``bot``."""

from web.app import create_app

__all__ = ["create_app"]
