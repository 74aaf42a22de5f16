"""Stored tokens: the database holds a keyed hash of each.

A token is 32 random bytes and cannot be guessed, so a deliberately slow hash would protect nothing and would delay every
request, including a kill. The hash is keyed with SECRET_KEY, which is not in the database: somebody who reads a backup cannot
test a guess, and somebody who can write to the table cannot add a token of their own.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from bot.errors import PitbossError
from bot.models import BotToken
from bot.settings.tokens import Role, weakness_of
from bot.states import CommandKind
from bot.storage.look import prepared
from bot.storage.pipeline import Pipeline
from bot.storage.row_mapper import RowMapper

_NOW = func.clock_timestamp()


class TokenRefused(PitbossError):
    """The token was not stored."""

    code = "token_refused"


def make() -> str:
    """A new token."""
    return secrets.token_urlsafe(32)


def hash_of(token: str, key: str) -> str:
    """The hash that is stored for *token*; *key* is SECRET_KEY."""
    return hmac.new(
        key.encode(), b"pitboss token\0" + token.encode("utf-8", "surrogatepass"), hashlib.sha256
    ).hexdigest()


def add(
    session: Session,
    name: str,
    role: Role,
    token: str,
    key: str,
    *,
    commands: Collection[CommandKind] | None = None,
    lasts: timedelta | None = None,
) -> BotToken:
    """Store *token* for *name*.

    Raises:
        TokenRefused: it is weak, or *name* has one already.
    """
    if weakness := weakness_of(token):
        raise TokenRefused(f"That is a token {weakness}.")
    if find(session, name) is not None:
        raise TokenRefused(f"There is a token {name!r} already: revoke it first, or use another name.")
    row = BotToken(
        name=name,
        role=role,
        hash=hash_of(token, key),
        commands=None if commands is None else sorted(commands),
        expires_at=None if lasts is None else _NOW + lasts,
    )
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def find(session: Session, name: str) -> BotToken | None:
    """The token of that name that has not been revoked."""
    return session.scalars(
        select(BotToken).where(BotToken.name == name, BotToken.revoked_at.is_(None))
    ).one_or_none()


def all_of(session: Session) -> Sequence[BotToken]:
    """Every token that was ever stored, ordered by name, and for one name the newest first."""
    return session.scalars(select(BotToken).order_by(BotToken.name, BotToken.created_at.desc())).all()


_ROWS = RowMapper(BotToken)
_VALID = prepared(
    "valid_tokens",
    select(*(getattr(BotToken, name) for name in _ROWS.names)).where(
        BotToken.revoked_at.is_(None), or_(BotToken.expires_at.is_(None), BotToken.expires_at > _NOW)
    ),
)


def valid(batch: Pipeline) -> Sequence[BotToken]:
    """The tokens that are valid now."""
    return [_ROWS.instance(_ROWS.values(row)) for row in batch.send(_VALID())]


def expire(session: Session, name: str, lasts: timedelta) -> BotToken:
    """Let the token of that name expire later.

    Raises:
        TokenRefused: there is none.
    """
    return _change(session, name, expires_at=_NOW + lasts)


def revoke(session: Session, name: str) -> None:
    """End the token of that name, and every session that began with it, now.

    Raises:
        TokenRefused: there is none.
    """
    _change(session, name, revoked_at=_NOW)


def note_use(session: Session, token_hash: str, at: datetime, address: str) -> None:
    """Store when and from where a token was last used."""
    session.execute(
        update(BotToken)
        .where(BotToken.hash == token_hash, or_(BotToken.last_used_at.is_(None), BotToken.last_used_at < at))
        .values(last_used_at=at, last_used_from=address)
    )


def _change(session: Session, name: str, **values: object) -> BotToken:
    row = session.scalars(
        update(BotToken)
        .where(BotToken.name == name, BotToken.revoked_at.is_(None))
        .values(**values)
        .returning(BotToken)
    ).one_or_none()
    if row is None:
        raise TokenRefused(
            f"There is no stored token {name!r}: see script/tokens list. A token of API_TOKENS is changed in that setting."
        )
    return row
