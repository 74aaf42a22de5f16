import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tools.bench import __main__ as bench
from tools.bench.measures import MEASURES

ROOT = Path(__file__).resolve().parents[3]


def test_the_list_names_every_measure():
    command = [sys.executable, "-m", "tools.bench", "--list"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == [measure.name for measure in MEASURES]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--only", "kill,speed"], "there is no speed; see --list"),
        (["--rounds", "0"], "must be a whole number from 1 on"),
        (["--json", "nowhere/figures.json"], "there is no directory"),
        (["--quick", "--record"], "the figures of --quick mean nothing"),
    ],
)
def test_a_wrong_option_is_named_before_anything_starts(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bench, "Lab", None)  # whatever would start ends the test
    with pytest.raises(SystemExit) as ended:
        bench.main(arguments)
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["workers", "threads", "timeout", "graceful_timeout", "keepalive", "accesslog"]
)
def test_the_baselines_have_the_gunicorn_settings_of_pitboss(name: str):
    ours, theirs = (
        {
            target.id: ast.literal_eval(statement.value)
            for statement in ast.parse((ROOT / file).read_text()).body
            if isinstance(statement, ast.Assign)
            for target in statement.targets
            if isinstance(target, ast.Name) and isinstance(statement.value, ast.Constant)
        }[name]
        for file in ("web/gunicorn_conf.py", "tools/bench/baselines/gunicorn_conf.py")
    )
    assert ours == theirs
