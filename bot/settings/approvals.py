"""Which commands wait for a second person: ``APPROVALS=set_mode,update_config:raise,flatten``."""

from __future__ import annotations

from dataclasses import dataclass

from bot.states import CommandKind

#: Commands that never wait: they make the bot safer, or change nothing.
NEVER = frozenset({CommandKind.KILL, CommandKind.STOP, CommandKind.PAUSE, CommandKind.RECONCILE})
#: Stands for those changes of thresholds after which more money can be lost.
RAISE = f"{CommandKind.UPDATE_CONFIG}:raise"


@dataclass(frozen=True)
class Approvals:
    """Which kinds of commands wait for approval."""

    kinds: frozenset[CommandKind] = frozenset()
    #: Whether a change of thresholds waits if more can be lost after it. If every change waits, *kinds* has it.
    raises: bool = False

    @property
    def asked(self) -> bool:
        """Whether any command waits."""
        return bool(self.kinds) or self.raises

    def concern(self, kind: CommandKind) -> bool:
        """Whether commands of this kind may have to wait."""
        return kind in self.kinds or (self.raises and kind is CommandKind.UPDATE_CONFIG)


def parse_approvals(value: str) -> Approvals:
    """The kinds that *value* names, comma separated.

    Raises:
        ValueError: it names something that is not a command, or a command that never waits.
    """
    named = [each.strip() for each in value.split(",") if each.strip()]
    may = [kind for kind in CommandKind if kind not in NEVER]
    for each in named:
        if each in NEVER:
            raise ValueError(f"{each} never waits for anybody")
        if each != RAISE and each not in may:
            raise ValueError(f"takes some of {', '.join([*may, RAISE])}")
    return Approvals(frozenset(CommandKind(each) for each in named if each != RAISE), RAISE in named)
