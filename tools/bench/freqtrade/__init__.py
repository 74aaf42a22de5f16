"""A real freqtrade in dry-run beside Pitboss: start, memory, commands, and what is left after kill -9."""
