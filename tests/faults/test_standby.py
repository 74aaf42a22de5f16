"""Two workers on one queue: what happens to the active one holds up no command."""

import pytest

from tests.support.stack import Stack

WAIT = {"Prefer": "wait=10"}


@pytest.fixture
def pair(fresh_stack: Stack) -> Stack:
    fresh_stack.start_worker("standby")
    return fresh_stack


def active(stack: Stack, command_id: str) -> str:
    """Which worker applied the command."""

    def find() -> str | None:
        for name, worker in stack.workers.items():
            if any(command_id in line and " applied" in line for line in worker.log().splitlines()):
                return name
        return None

    return stack.wait_for(find, 5, "a worker says that it applied the command") or ""


@pytest.mark.parametrize("how", ["killed", "its child killed", "frozen"])
def test_the_next_command_is_applied_by_the_other_one(pair: Stack, how: str):
    for _ in range(2):
        done = pair.api().patch("/config", {"maxConcurrentPositions": 5}, headers=WAIT).json()
        worker = pair.workers[name := active(pair, done["commandId"])]
        {"killed": worker.kill, "its child killed": worker.kill_child, "frozen": worker.freeze}[how]()
        assert pair.api().patch("/config", {"maxConcurrentPositions": 6}, headers=WAIT).status_code == 200
        worker.thaw()
        if how == "killed":
            pair.start_worker(name)


def test_a_worker_that_froze_with_the_lock_in_its_hand_holds_up_no_command(pair: Stack):
    for worker in pair.workers.values():
        worker.freeze()
    waiting = pair.api().post("/reconcile", headers={"Prefer": "respond-async"}).json()["commandId"]
    holder = pair.tables.connect()
    with holder.cursor() as cursor:
        cursor.execute("SELECT 1 FROM bot_config FOR UPDATE")
    for worker in pair.workers.values():
        worker.thaw()
    # the holder idles on; Postgres, or whoever wants the lock, ends its transaction
    assert pair.wait_finished(waiting)["status"] == "applied"
    holder.close()
