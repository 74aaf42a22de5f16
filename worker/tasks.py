"""One task for each command. A message is a doorbell: whichever comes, the controller finishes what is pending."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from celery import Task
from celery.signals import task_revoked

from bot.errors import (
    ApprovalNeeded,
    DatabaseUnavailable,
    Expired,
    InvalidParams,
    PitbossError,
    Revoked,
    TooManyPending,
)
from bot.states import COMMANDS, CommandKind
from worker import context, messages
from worker.app import app

if TYPE_CHECKING:
    from bot.models import BotCommand

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
            if messages.is_announcement(task.request):
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
    if messages.is_announcement(task.request):
        # what it announces is in the log; who sent it reads the outcome there
        announced = controller.find(command_id)
        if announced is None or announced.pending:
            done = {each.id: each for each in controller.apply()}
            announced = done.get(command_id) or controller.find(command_id)
        return {"commandId": str(command_id)} if announced is None else outcome(announced)
    command = controller.find(command_id)
    if command is None:
        try:
            wanted = messages.manual(kind, command_id, args, kwargs, task.request)
            if kind is CommandKind.KILL:
                return outcome(controller.kill(wanted))
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


@task_revoked.connect
def log_revoked(sender: Any = None, request: Any = None, expired: bool = False, **_: Any) -> None:
    """Let a manual command whose message was revoked, or had expired, stand in the log as refused. Only what was revoked before
    a worker took it has no row yet: a command that has one is applied or called off by the log alone."""
    name = str(getattr(sender, "name", "")).removeprefix("bot.")
    if name not in tuple(CommandKind) or request is None or messages.is_announcement(request):
        return
    kind = CommandKind(name)
    try:
        wanted = messages.manual(
            kind, _command_id(request.id), tuple(request.args or ()), dict(request.kwargs or {}), request
        )
        context.controller().submit_refused(wanted, Expired() if expired else Revoked())
    except PitbossError as error:
        log.warning("a revoked %s is not in the log: %s", kind, error)


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
