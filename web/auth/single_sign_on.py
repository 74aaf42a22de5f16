"""People whom a proxy has recognised: the header that it adds says who they are, for the panel. Off unless all of SSO_HEADER, SSO_USERS
and SSO_PROXIES are set.

The header is believed only of a connection from one of SSO_PROXIES: everybody else can write headers, too.
"""

from __future__ import annotations

from ipaddress import ip_address

from flask import request

from bot.settings.settings import Settings
from bot.settings.single_sign_on import parse_networks, parse_users
from web.auth.directory import VOUCHED, Directory, Holder


class UnknownUser(Exception):
    """The proxy knows them, and SSO_USERS does not."""


class SingleSignOn:
    """Whom the present request's proxy vouches for."""

    def __init__(self, settings: Settings, directory: Directory) -> None:
        self._header = settings.sso_header
        self._networks = parse_networks(settings.sso_proxies)
        self._holders = {
            name: Holder(name, role, commands, VOUCHED + name)
            for name, (role, commands) in parse_users(settings.sso_users).items()
        }
        if self._header is not None:
            directory.vouch_for(self._holders.values())

    def user(self) -> Holder | None:
        """Who it is; None when nobody vouches for them.

        Raises:
            UnknownUser: SSO_USERS does not name them.
        """
        name = "" if self._header is None else request.headers.get(self._header, "").strip()
        if not name or not self._is_proxy():
            return None
        if name not in self._holders:
            raise UnknownUser(f"{name} is not one of SSO_USERS: ask whoever runs Pitboss.")
        return self._holders[name]

    def confirms(self, holder: Holder) -> bool:
        """Whether *holder*'s session may go on: one that a proxy vouched for, only as long as it does."""
        if not holder.proof.startswith(VOUCHED):
            return True
        try:
            return self.user() == holder
        except UnknownUser:
            return False

    def _is_proxy(self) -> bool:
        # as the connection comes, not as X-Forwarded-For says
        before = request.environ.get("werkzeug.proxy_fix.orig") or request.environ
        try:
            peer = ip_address(before.get("REMOTE_ADDR") or "")
        except ValueError:
            return False
        return any(peer in network for network in self._networks)
