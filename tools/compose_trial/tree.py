"""A checkout of Pitboss as an operator has it, in which releases come and go as a pull brings them."""

import re
import shutil
from pathlib import Path

from tools.compose_trial.shell import ROOT, said

#: The last line of a file that is in the image, and says which release it is.
MARKED = "web/wsgi.py"
_MIGRATION = """from alembic import op

revision = "9999_brought"
down_revision = "{head}"


def upgrade() -> None:
    op.execute("CREATE TABLE brought (id integer)")


def downgrade() -> None:
    op.execute("DROP TABLE brought")
"""


class Tree:
    """The release that is tried, and changes of it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._added: Path | None = None
        self.names = said("git ls-files --cached --others --exclude-standard").splitlines()
        for name in self.names:
            if (ROOT / name).is_file():
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, directory / name)

    def check_out(self) -> None:
        """The release that is tried, as it is: what was pulled after it is gone."""
        if self._added is not None:
            self._added.unlink(missing_ok=True)
        for name in self.names:
            if (ROOT / name).is_file() and (ROOT / name).read_bytes() != (self.directory / name).read_bytes():
                self._put(name, (ROOT / name).read_text())

    def change(self, name: str, was: str, now: str) -> None:
        """Put *now* in the place of *was* in a file, once."""
        text = (self.directory / name).read_text()
        assert text.count(was) == 1, f"{was!r} is {text.count(was)} times in {name}"  # noqa: S101 - a fault of the trial
        self._put(name, text.replace(was, now))

    def add_migration(self) -> None:
        """Bring a table that the release before does not know."""
        last = max(file.stem for file in (ROOT / "migrations" / "versions").glob("0*.py"))
        head = re.search(
            r'^revision = "(\w+)"', (ROOT / f"migrations/versions/{last}.py").read_text(), re.MULTILINE
        )
        assert head is not None, last  # noqa: S101 - a fault of the trial
        self._added = self.directory / "migrations" / "versions" / "9999_brought.py"
        self._added.write_text(_MIGRATION.format(head=head[1]))

    def mark(self, release: str) -> None:
        """Make another image of it."""
        self._put(MARKED, (ROOT / MARKED).read_text() + f"# {release}\n")

    def break_(self, name: str) -> None:
        """Make what imports this file end at once."""
        self._put(name, (ROOT / name).read_text() + '\nraise SystemExit("broken on purpose")\n')

    def _put(self, name: str, text: str) -> None:
        """As git does: another file takes the place."""
        path = self.directory / name
        mode = path.stat().st_mode
        path.unlink()
        path.write_text(text)
        path.chmod(mode)
