"""The worker's consumer, without mingle and gossip (the command line's --without-mingle --without-gossip)."""

from celery.worker import consumer

_LEFT_OUT = ("celery.worker.consumer.mingle:Mingle", "celery.worker.consumer.gossip:Gossip")


class Consumer(consumer.Consumer):
    class Blueprint(consumer.Consumer.Blueprint):  # type: ignore[misc, valid-type]
        default_steps = [step for step in consumer.Consumer.Blueprint.default_steps if step not in _LEFT_OUT]
