"""The domain of Pitboss: what a trading bot may do, and when. Knows no Flask, Celery or Redis."""
