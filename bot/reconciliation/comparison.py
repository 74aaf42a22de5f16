"""Compares the open trades with the broker's positions, symbol by symbol. Pure: no network, no database, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.broker.readings import Position
from bot.reconciliation.local import Ignored, Local, OpenGroup
from bot.reconciliation.record import ZERO, Names


@dataclass(frozen=True)
class Holding:
    """One asset at the broker and in the open trades. Shares are signed: negative is short."""

    #: The broker's symbol of it; if there is no position, that of the trades.
    symbol: str
    groups: tuple[OpenGroup, ...]
    position: Position | None
    #: The part of the position that is not the bot's.
    ignoring: Ignored | None = None

    @property
    def here(self) -> Decimal:
        """Shares of the open trades."""
        return sum((group.shares for group in self.groups), ZERO)

    @property
    def there(self) -> Decimal:
        """Shares at the broker without the ignored ones."""
        shares = self.position.shares if self.position else ZERO
        return shares - self.ignoring.shares if self.ignoring else shares

    @property
    def trades(self) -> int:
        """How many open trades it has."""
        return sum(group.trades for group in self.groups)

    @property
    def symbols(self) -> frozenset[str]:
        """Every symbol of the asset in the open trades and at the broker."""
        names = {group.symbol for group in self.groups}
        return frozenset(names | ({self.position.symbol} if self.position else set()))

    @property
    def assets(self) -> frozenset[str]:
        """The asset's id, from the open trades and the broker; empty if neither has it."""
        ids = {group.asset_id for group in self.groups} | {self.position.asset_id if self.position else None}
        return frozenset(each for each in ids if each)

    @property
    def asset_id(self) -> str | None:
        """The asset's id by the broker, or by those of its trades that know it."""
        if self.position is not None:
            return self.position.asset_id or None
        return next(iter(self.assets)) if len(self.assets) == 1 else None

    def symbols_by(self, names: Names) -> frozenset[str]:
        """These, and those that *names* has for the asset: a fill keeps the symbol of its day."""
        return self.symbols.union(*(names.get(asset_id, ()) for asset_id in self.assets))

    @property
    def is_in_question(self) -> bool:
        """Whether the broker's record has to be read about it."""
        sides = {group.shares > 0 for group in self.groups if group.shares}
        return self.here != self.there or len(sides) > 1 or any(group.is_in_question for group in self.groups)


@dataclass(frozen=True)
class Comparison:
    """Every holding that is not obviously the same on both sides, and what else the comparison shows."""

    questions: tuple[Holding, ...]
    #: How many trades belong to the other holdings.
    matched: int
    #: Symbol and asset id of matched trades whose asset is not stored yet.
    unlearned: tuple[tuple[str, str], ...]
    #: Matched trades whose symbol changed at the broker: the old one, the new one and the asset's id.
    renamed: tuple[tuple[str, str, str], ...]
    #: Ignored positions whose quantity changed, so they are no longer ignored.
    changed: tuple[Ignored, ...]


def compare(local: Local, positions: Mapping[str, Position]) -> Comparison:
    """Compare everything that either side holds: by asset id if the trades have it, else by symbol."""
    ignored = {each.symbol: each for each in local.ignored}
    several = _symbols_of_several_groups(local)
    known = {group.asset_id for group in local.groups if group.asset_id}
    matched = 0
    unlearned: list[tuple[str, str]] = []
    left: list[OpenGroup] = []
    seen: set[str] = set()
    for group in local.groups:
        position = positions.get(group.symbol)
        if (
            position is None
            or position.shares != group.shares
            or group.is_in_question
            or group.asset_id not in (None, position.asset_id)
            # trades that know this asset have it under a former symbol: the position is theirs, too
            or (group.asset_id is None and position.asset_id in known)
            or group.symbol in several
            or group.symbol in ignored
        ):
            left.append(group)
            continue
        seen.add(group.symbol)
        matched += group.trades
        if group.asset_id is None and position.asset_id:
            unlearned.append((group.symbol, position.asset_id))
    others = {symbol: each for symbol, each in positions.items() if symbol not in seen}
    questions, changed, renamed = [], [], []
    for holding in _holdings(left, others, ignored):
        if holding.ignoring and not holding.groups and holding.there:
            changed.append(holding.ignoring)
            holding = Holding(holding.symbol, (), holding.position)
        if holding.position is not None and holding.position.asset_id:
            renamed += [
                (group.symbol, holding.symbol, holding.position.asset_id)
                for group in holding.groups
                if group.symbol != holding.symbol
            ]
        if holding.is_in_question:
            questions.append(holding)
        else:
            matched += holding.trades
    gone = [each for each in local.ignored if not _is_held(each, positions)]
    return Comparison(
        questions=tuple(sorted(questions, key=lambda each: each.symbol)),
        matched=matched,
        unlearned=tuple(unlearned),
        renamed=tuple(renamed),
        changed=tuple(changed + gone),
    )


def join(questions: Sequence[Holding], names: Names) -> tuple[Holding, ...]:
    """*questions*, with trades that do not know their asset joined to the ones of the only asset that has their symbol by *names*.

    Without a position nothing else shows that they belong together, and one sale must not explain two holdings.
    """
    of_symbol: dict[str, list[Holding]] = {}
    for each in questions:
        if each.position is None and each.assets:
            for symbol in each.symbols_by(names):
                of_symbol.setdefault(symbol, []).append(each)
    groups = {id(each): each.groups for each in questions}
    for each in questions:
        if each.position is None and not each.assets and len(of_symbol.get(each.symbol, ())) == 1:
            groups[id(of_symbol[each.symbol][0])] += groups.pop(id(each))
    return tuple(replace(each, groups=groups[id(each)]) for each in questions if id(each) in groups)


def _symbols_of_several_groups(local: Local) -> set[str]:
    """Symbols whose trades belong to several assets, or to an unknown one."""
    seen: set[str] = set()
    several: set[str] = set()
    for group in local.groups:
        (several if group.symbol in seen else seen).add(group.symbol)
    return several


def _is_held(ignored: Ignored, positions: Mapping[str, Position]) -> bool:
    if ignored.symbol in positions:
        return True
    return ignored.asset_id is not None and any(
        each.asset_id == ignored.asset_id for each in positions.values()
    )


def _holdings(
    groups: list[OpenGroup], positions: Mapping[str, Position], ignored: Mapping[str, Ignored]
) -> list[Holding]:
    by_asset = {each.asset_id: each for each in positions.values() if each.asset_id}
    gathered: dict[tuple[str, str], tuple[Position | None, list[OpenGroup]]] = {
        (symbol, each.asset_id): (each, []) for symbol, each in positions.items()
    }
    assets: dict[str, set[str]] = {}
    gone: dict[str, str] = {}
    for group in groups:
        if group.asset_id:
            assets.setdefault(group.symbol, set()).add(group.asset_id)
    for group in groups:
        asset_id = group.asset_id
        if asset_id is None and len(assets.get(group.symbol, ())) == 1:
            (asset_id,) = assets[
                group.symbol
            ]  # keep what is known of the others: one sale must not explain two holdings
        position = by_asset.get(asset_id or "") or positions.get(group.symbol)
        if position is not None and group.asset_id and position.asset_id not in ("", group.asset_id):
            position = None  # the symbol belongs to another asset now
        # without a position, trades of an asset belong together by its id, under whatever symbols
        symbol = gone.setdefault(asset_id, group.symbol) if asset_id else group.symbol
        key = (position.symbol, position.asset_id) if position else (symbol, f"of {asset_id}")
        gathered.setdefault(key, (position, []))[1].append(group)
    by_id = {each.asset_id: each for each in ignored.values() if each.asset_id}
    found = []
    for (symbol, asset_id), (position, members) in gathered.items():
        known = (by_id.get(asset_id) or ignored.get(symbol)) if position is not None else None
        found.append(Holding(symbol, tuple(members), position, known))
    return found
