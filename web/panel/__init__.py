"""The panel: the page that an operator keeps open, and the way in to it."""
