"""One task for each command. A message is a doorbell: whichever comes, the controller finishes what is pending."""

from __future__ import annotations

import logging
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from celery import Task

from bot.errors import ApprovalNeeded, DatabaseUnavailable, InvalidParams, TooManyPending
from bot.models import BotCommand
from bot.states import COMMANDS, CommandKind
from worker import context, messages
from worker.app import app

#: Wait before a message whose command could not be stored is tried again, in seconds.
RETRY_SEC = 2
#: Wait before it is looked again whether a manual command that needs evidence is finished, in seconds.
LOOK_AGAIN_SEC = 1

log = logging.getLogger(__name__)


def _define(kind: CommandKind) -> None:
    # an error that is expected is one line of the log, without a stack trace; without a limit of retries a message waits
    # for Postgres as long as it takes (to ``retry`` itself None would mean the task's limit)
    @app.task(name=f"bot.{kind}", bind=True, typing=False, throws=(DatabaseUnavailable,), max_retries=None)
    def deliver(task: Task[..., Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
        try:
            return _deliver(kind, task, args, kwargs)
        except DatabaseUnavailable as error:
            if messages.is_doorbell(task.request):
                raise  # its row waits for the sweep
            # a manual command has no row yet: without a retry it would be lost
            raise task.retry(
                exc=error, countdown=RETRY_SEC, headers=messages.times_kept(task.request)
            ) from None


for _kind in COMMANDS:
    _define(_kind)


def _deliver(
    kind: CommandKind, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    controller = context.controller()
    command_id = _command_id(task.request.id)
    if messages.is_doorbell(task.request):
        # what it rings for is in the log; who rang reads the outcome there
        rings_for = controller.find(command_id)
        if rings_for is not None and not rings_for.pending:
            return {"commandId": str(command_id)}
        controller.apply()
        return {"commandId": str(command_id)}
    command = controller.find(command_id)
    if command is None:
        try:
            wanted = messages.manual(kind, command_id, args, kwargs, task.request)
            if kind is CommandKind.KILL:
                return outcome(controller.submit_and_apply(wanted))
            command = controller.submit(wanted)
        except (ApprovalNeeded, InvalidParams, TooManyPending) as error:
            log.warning("rejected a message: %s", error)
            return {"status": "rejected", "errorCode": error.code, "error": str(error)}
    controller.apply()
    command = controller.find(command.id) or command
    if command.pending and COMMANDS[kind].needs_evidence:
        # the main process gathers it; a task that waited here would keep a manual kill waiting as long as Alpaca takes
        raise task.retry(countdown=LOOK_AGAIN_SEC, headers=messages.times_kept(task.request))
    return outcome(command)


def outcome(command: BotCommand) -> dict[str, Any]:
    """A task's return value: how its command ended."""
    return {
        "commandId": str(command.id),
        "kind": command.kind,
        "status": command.status,
        "state": command.to_state,
        "mode": command.mode,
        "revision": command.revision,
        "errorCode": command.error_code,
        "error": command.error,
    }


def _command_id(task_id: str | None) -> UUID:
    task_id = task_id or ""
    try:
        return UUID(task_id)
    except ValueError:
        return uuid5(NAMESPACE_URL, task_id)  # an id of the sender's own making
