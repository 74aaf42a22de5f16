"""The way from a request to a command and back to its outcome."""
