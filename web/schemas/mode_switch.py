"""The shape of the answer that says what stands in the way of a mode switch."""

from __future__ import annotations

from pydantic import Field

from bot.states import Mode
from web.schemas.base import Shape


class BlockerOut(Shape):
    code: str = Field(description="The code that a switch would be refused with.")
    error: str = Field(description="One sentence for a person.")


class ModeSwitchOut(Shape):
    mode: Mode = Field(description="The present mode.")
    target: Mode
    blockers: list[BlockerOut] = Field(
        description="All that stands in the way now; where it is empty, a switch would be allowed."
    )
