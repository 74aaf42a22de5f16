"""What lists, charts and metrics read."""
