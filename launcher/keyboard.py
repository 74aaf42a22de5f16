"""The Enter key of the terminal that the launcher runs in."""

import os
import select
import sys
import time


def wait_for_enter(seconds: float) -> bool:
    """Whether Enter was pressed within *seconds*. Without a terminal, and in a shell's background, it only waits."""
    try:
        keyboard = sys.stdin.fileno()
        # a background job that reads from the terminal is stopped by it
        is_ours = os.isatty(keyboard) and os.tcgetpgrp(keyboard) == os.getpgrp()
    except (OSError, ValueError, AttributeError):
        keyboard, is_ours = -1, False
    if not is_ours:
        time.sleep(seconds)
        return False
    if not select.select([keyboard], [], [], seconds)[0]:
        return False
    if os.read(keyboard, 1024):
        return True
    time.sleep(seconds)  # at its end, as after Ctrl-D, it is ready at once, and not for an Enter
    return False
