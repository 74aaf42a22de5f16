"""The schema of the answer about what prevents a mode switch."""

from __future__ import annotations

from pydantic import Field

from bot.states import Mode
from web.schemas.base import Shape


class BlockerOut(Shape):
    code: str = Field(description="The code with which a switch would be rejected.")
    error: str = Field(description="One sentence for a person.")


class ModeSwitchOut(Shape):
    mode: Mode = Field(description="The present mode.")
    target: Mode
    blockers: list[BlockerOut] = Field(
        description="Everything that prevents a switch now; if it is empty, a switch would be allowed."
    )
