"""A program of Pitboss within the process of the tests: in one of its own, most of its time are the imports.

One call of each program stays a process of its own, as does what is about pipes, terminals and signals.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout

import pytest


def call(
    main: Callable[[], object], *arguments: str, env: Mapping[str, str], stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run *main* with these arguments, with *env* for its environment, and with *stdin*; neither is a terminal."""
    out, err = _stream(), _stream()
    with pytest.MonkeyPatch.context() as here, redirect_stdout(out), redirect_stderr(err):
        for name in os.environ.keys() - env.keys():
            here.delenv(name)
        for name, value in env.items():
            here.setenv(name, value)
        here.setattr(sys, "argv", [main.__module__, *arguments])
        here.setattr(sys, "stdin", io.StringIO(stdin))
        status: object
        try:
            status = main()
        except SystemExit as ended:
            status = ended.code
    for stream in (out, err):
        stream.seek(0)
    return subprocess.CompletedProcess(arguments, int(str(status or 0)), out.read(), err.read())


def _stream() -> io.TextIOWrapper:
    """Text, or what a program writes in bytes."""
    return io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
