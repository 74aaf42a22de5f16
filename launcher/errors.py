"""What may go wrong before everything runs."""


class StartError(Exception):
    """The start cannot go on; the message is the one sentence the operator reads."""
