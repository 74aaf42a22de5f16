"""Sets Pitboss up and runs it on one machine. Start here: launcher."""
