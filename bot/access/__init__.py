"""Who has access: stored tokens and the panel's sessions."""
