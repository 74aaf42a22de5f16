"""The worker's consumer, without mingle and gossip (the command line's --without-mingle --without-gossip)."""

from typing import Any

from celery.worker import consumer


class Consumer(consumer.Consumer):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # leaving the steps out would not do: Tasks requires Mingle and brings it back
        super().__init__(*args, **{**kwargs, "without_mingle": True, "without_gossip": True})
