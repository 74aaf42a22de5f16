"""Which users a proxy in front of the panel may log in, and which proxies may do so."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

from bot.settings.tokens import Role, check_name, entries_of, parse_role
from bot.states import CommandKind

Rights = tuple[Role, frozenset[CommandKind] | None]


def parse_users(value: str) -> dict[str, Rights]:
    """``alice:operator,bob:viewer``: each user's role, which may be limited to some commands like that of a token.

    Raises:
        ValueError: an entry is wrong, or a user is named twice.
    """
    users: dict[str, Rights] = {}
    for entry in filter(str.strip, entries_of(value)):
        name, _, role = entry.strip().partition(":")
        check_name(name)
        if name in users:
            raise ValueError(f"names {name} twice")
        try:
            users[name] = parse_role(role)
        except ValueError as error:
            raise ValueError(f"gives {name} {error}") from None
    return users


def parse_networks(value: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Addresses and networks, comma separated: ``127.0.0.1,10.0.0.0/24``.

    Raises:
        ValueError: an entry is not an address or network, or it is so large that anybody could be in it.
    """
    found = []
    for each in filter(None, map(str.strip, value.split(","))):
        try:
            network = ip_network(each)
        except ValueError:
            raise ValueError(f"has {each}, which is not an address or network such as 10.0.0.0/24") from None
        if network.prefixlen < 8:
            raise ValueError(f"has {each}, which is half the world: name the proxies")
        found.append(network)
    return tuple(found)
