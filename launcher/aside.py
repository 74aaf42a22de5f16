"""Work whose libraries are needed once: a process of its own loads them, and gives their memory back when it ends."""

import os
import pickle
import traceback
from collections.abc import Callable
from typing import NoReturn, TypeVar

from launcher.errors import StartError

T = TypeVar("T")


def aside(work: Callable[[], T]) -> T:
    """What *work*, done in a fork of this process, returns; pickle must know it. To be called before there are threads.

    Raises StartError if *work* does, or if its process ended without an answer; what went wrong is then on standard error.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(work, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        answer = stream.read()
    os.waitpid(child, 0)
    if not answer:
        raise StartError("The checks before the start ended without an answer: is there too little memory?")
    result: T
    result, error = pickle.loads(answer)  # noqa: S301 - from this program
    if error is not None:
        raise StartError(error)
    return result


def _answer(work: Callable[[], object], writing: int) -> NoReturn:
    """Never returns into the code that forked, whose clean-up is not this process's."""
    try:
        try:
            answer: tuple[object, str | None] = (work(), None)
        except StartError as error:
            answer = (None, str(error))
        with os.fdopen(writing, "wb") as stream:
            pickle.dump(answer, stream)
    except BaseException:  # noqa: BLE001 - the process ends with it
        traceback.print_exc()
    finally:
        os._exit(0)
