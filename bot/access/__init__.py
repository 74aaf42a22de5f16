"""Who may come in: kept tokens, and the panel's sessions."""
