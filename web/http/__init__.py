"""What every request and answer share."""
