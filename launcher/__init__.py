"""What ``script/server`` is made of."""
