"""What somebody outside has to be told."""
