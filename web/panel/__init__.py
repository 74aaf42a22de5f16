"""The panel: the page that an operator keeps open, and its login."""
