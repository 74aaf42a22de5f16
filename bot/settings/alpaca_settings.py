"""The settings of the paper and the live account at Alpaca: address and keys."""

from __future__ import annotations

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr, model_validator
from pydantic_settings import BaseSettings

from bot.errors import CredentialsMissing
from bot.settings.addresses import http_url
from bot.states import Mode


class AlpacaAccess(BaseModel):
    """The address and the keys with which one mode talks to Alpaca."""

    model_config = ConfigDict(frozen=True)

    mode: Mode
    url: str
    key: str
    secret: SecretStr

    @property
    def sandbox(self) -> bool:
        """Whether this is a simulation of Alpaca rather than Alpaca itself."""
        return not f".{urlsplit(self.url).hostname}".endswith(".alpaca.markets")


def _alpaca_url(value: str) -> str:
    """The address of Alpaca, without the version.

    Raises:
        ValueError: it is not an http or https address.
    """
    # Alpaca's own pages show its address with the version, which is part of every path here
    return http_url(value).removesuffix("/v2")


def _header(value: SecretStr | str) -> SecretStr | str:
    """*value*, which is sent as a header.

    Raises:
        ValueError: it has a character that is not allowed in a header.
    """
    text = value if isinstance(value, str) else value.get_secret_value()
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("has a character that cannot be sent: use the key as Alpaca shows it")
    return value


AlpacaUrl = Annotated[str, AfterValidator(_alpaca_url)]
Key = Annotated[str, AfterValidator(_header)]
Secret = Annotated[SecretStr, AfterValidator(_header)]


class AlpacaSettings(BaseSettings):
    """Address and keys of each mode's account."""

    alpaca_paper_url: AlpacaUrl = "https://paper-api.alpaca.markets"
    alpaca_paper_api_key: Key | None = None
    alpaca_paper_api_secret: Secret | None = None
    alpaca_live_url: AlpacaUrl = "https://api.alpaca.markets"
    alpaca_live_api_key: Key | None = None
    alpaca_live_api_secret: Secret | None = None

    @model_validator(mode="after")
    def _keys_come_in_pairs(self) -> Self:
        for mode in Mode:
            key, secret = (f"alpaca_{mode}_api_{part}" for part in ("key", "secret"))
            if (getattr(self, key) is None) is not (getattr(self, secret) is None):
                there, missing = (key, secret) if getattr(self, key) is not None else (secret, key)
                raise ValueError(f"{there.upper()} is set without {missing.upper()}: set both or neither")
        return self

    def alpaca(self, mode: Mode) -> AlpacaAccess | None:
        """Address and keys of one mode; None when the mode has no keys."""
        key: str | None = getattr(self, f"alpaca_{mode}_api_key")
        secret: SecretStr | None = getattr(self, f"alpaca_{mode}_api_secret")
        if key is None or secret is None:
            return None
        return AlpacaAccess(mode=mode, url=getattr(self, f"alpaca_{mode}_url"), key=key, secret=secret)

    def require_alpaca(self, mode: Mode) -> AlpacaAccess:
        """Address and keys of one mode.

        Raises:
            CredentialsMissing: naming the settings that hold them.
        """
        access = self.alpaca(mode)
        if access is None:
            raise CredentialsMissing(
                f"The {mode} account has no keys: set ALPACA_{mode.upper()}_API_KEY and _SECRET, then restart."
            )
        return access
