"""A simulated Alpaca for development and tests: accounts, orders that fill, and faults on request, over HTTP.

It plays the other side of the wire, so it knows nothing of Pitboss. ``python -m sandbox`` serves it.
"""
