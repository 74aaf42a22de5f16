"""The command log, and what each command does."""
