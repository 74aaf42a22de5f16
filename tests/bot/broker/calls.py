"""A client of a played Alpaca, and the errors of its calls."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from pydantic import SecretStr

from bot.broker.alpaca import Alpaca
from bot.broker.errors import BrokerError
from bot.settings.alpaca_settings import AlpacaAccess
from bot.states import Mode
from tests.bot import fake
from tests.bot.fake import Answer

KEY, SECRET = "PKTOPSECRETKEY", "topsecret-secret"


def client(url: str, key: str = KEY, *, budget_sec: float = 10.0) -> Alpaca:
    return Alpaca(
        AlpacaAccess(mode=Mode.PAPER, url=url, key=key, secret=SecretStr(SECRET)), budget_sec=budget_sec
    )


def answered(answer: Answer) -> AbstractContextManager[str]:
    return fake.serve(lambda call: answer)


def refused(call: Callable[[], Any]) -> BrokerError:
    """The error of a call, which gives no key away, however it is printed."""
    with pytest.raises(BrokerError) as caught:
        call()
    printed = "".join(traceback.format_exception(caught.value))
    assert KEY not in printed
    assert SECRET not in printed
    assert str(caught.value).endswith(".")
    return caught.value
