"""The terminal that all parts share."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TALK = """
import sys, time
from launcher.console import Console
console = Console(sys.stdout)
for number in range(100):
    console.say(f"line … {number}")
    time.sleep(0.001)
print("went on", file=sys.stderr)
"""


def talk(**env: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", TALK], cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_a_closed_terminal_neither_stops_the_speaker_nor_spoils_its_exit_code() -> None:
    with talk() as speaker:
        assert speaker.stdout
        assert speaker.stderr
        assert speaker.stdout.readline().startswith(b"pitboss  | line")
        speaker.stdout.close()
        assert speaker.stderr.read() == b"went on\n"
        assert speaker.wait(10) == 0


def test_a_terminal_with_a_poor_alphabet_gets_what_it_can_show() -> None:
    with talk(PYTHONIOENCODING="ascii") as speaker:
        output, errors = speaker.communicate(timeout=10)
    assert output.startswith(b"pitboss  | line ? 0\n")
    assert errors == b"went on\n"
