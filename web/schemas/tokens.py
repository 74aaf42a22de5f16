"""The schemas of answers about tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from bot.settings.tokens import Role
from bot.states import CommandKind
from web.schemas.base import Shape


class TokenOut(Shape):
    name: str = Field(description="Its holder, who is the actor in the command log.")
    role: Role | str
    commands: list[CommandKind | str] | None = Field(
        None, description="The only commands that it may give; null if its role decides."
    )
    source: Literal["setting", "stored"] = Field(
        description="`setting`: API_TOKENS, of which no more is known. `stored`: `script/tokens`."
    )
    created_at: datetime | None = None
    expires_at: datetime | None = Field(None, description="Null: it does not expire.")
    revoked_at: datetime | None = None
    last_used_at: datetime | None = Field(
        None, description="Written every half minute; null: never, or not known."
    )
    last_used_from: str | None = None


class TokenList(Shape):
    items: list[TokenOut]
