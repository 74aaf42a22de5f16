"""What the bot is, and whether it may trade."""
