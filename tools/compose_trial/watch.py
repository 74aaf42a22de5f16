"""Commands that arrive while a part of the deployment is lost: what must be true of them afterwards."""

import time
from collections.abc import Callable

from tools.compose_trial.project import Deployment, TrialError
from tools.compose_trial.steady_load import Load, broken_rules


class Watch:
    """Commands arrive as long as it is open; afterwards each must have come to an end."""

    def __init__(
        self, load: Load, what: str, write: Callable[[str], None], deployment: Deployment, may_wait: bool
    ) -> None:
        self._load, self._what, self._write, self._it, self._may_wait = (
            load,
            what,
            write,
            deployment,
            may_wait,
        )

    def __enter__(self) -> None:
        self._load.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        time.sleep(0 if kind else 2)
        self._load.__exit__(None, None, None)
        if kind is not None:
            return
        self._it.wait_serving()
        unfinished, untrue, broken = self._load.unfinished(), self._load.untrue(), broken_rules(self._load)
        self._write(f"# {self._what}: {self._load.summary()}")
        accepted = len(self._load.accepted)
        self._write(
            f"# of {accepted} accepted commands {accepted - len(unfinished)} came to an end;"
            f" {len(untrue)} answered with 200 but not applied; {len(broken)} broken rules in the log"
        )
        must(accepted > 0, "no command was accepted")
        must(not unfinished, f"accepted and never finished: {unfinished}")
        must(not untrue, f"answered with 200 and not applied: {untrue}")
        must(not broken, f"broken: {broken[:5]}")


def must(holds: bool, complaint: str) -> None:
    if not holds:
        raise TrialError(complaint)
