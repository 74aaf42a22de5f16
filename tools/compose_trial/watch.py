"""Commands that arrive while a part of the deployment is lost: what must be true of them afterwards."""

import time
from collections.abc import Callable

from tools.compose_trial.shell import must
from tools.compose_trial.steady_load import Load, broken_rules


class Watch:
    """Commands arrive as long as it is open; afterwards each must have come to an end."""

    def __init__(
        self,
        load: Load,
        what: str,
        write: Callable[[str], None],
        wait_serving: Callable[[], float],
        all_answered: bool,
    ) -> None:
        """With *all_answered*, none may fail for what is done to the deployment."""
        self._load, self._what, self._write, self._wait_serving, self._all_answered = (
            load,
            what,
            write,
            wait_serving,
            all_answered,
        )

    def __enter__(self) -> Load:
        return self._load.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        time.sleep(0 if kind else 2)
        self._load.__exit__(None, None, None)
        if kind is not None:
            return
        self._wait_serving()
        unfinished, untrue, broken = self._load.unfinished(), self._load.untrue(), broken_rules(self._load)
        self._write(f"# {self._what}: {self._load.summary()}")
        accepted = len(self._load.accepted)
        self._write(
            f"# of {accepted} accepted commands {accepted - len(unfinished)} came to an end;"
            f" {len(untrue)} answered with 200 but not applied; {len(broken)} broken rules in the log"
        )
        must(accepted > 0, "no command was accepted")
        lost = [each for each in self._load.answers if not each.startswith(("2", "4"))]
        must(not lost or not self._all_answered, f"some were not answered: {lost}")
        must(not unfinished, f"accepted and never finished: {unfinished}")
        must(not untrue, f"answered with 200 and not applied: {untrue}")
        must(not broken, f"broken: {broken[:5]}")
