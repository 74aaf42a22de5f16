"""What is no amount, and how a test says that an answer was not understood."""

from __future__ import annotations

from typing import Any

import pytest

from bot.broker.errors import BrokerGarbled

NO_AMOUNTS: list[Any] = [
    10,
    1.5,
    True,
    False,
    [],
    {},
    "",
    " ",
    "ten",
    "NaN",
    "sNaN",
    "Infinity",
    "-inf",
    "1,000",
    "1_0",
]
NO_AMOUNTS += [
    "10;",
    "0x10",
    " 10",
    "10\n",
    "\uff11\uff10",
    "1e999999",
    "1e15",
    "-1e15",
    "9" * 400,
    10**400,
    "1e-21",
    "1e-99",
]
NO_AMOUNTS += ["1." + "1" * 21, "123456789." + "1" * 20, "1e9999999999999999999", "0." + "0" * 5000]


def garbled(call: Any, *words: str) -> None:
    with pytest.raises(BrokerGarbled) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
