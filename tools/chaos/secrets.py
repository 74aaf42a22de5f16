"""Which settings of a process are secrets, to be looked for where they must not be."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit


def of_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The secrets among *variables*, by what they are."""
    found = {}
    for entry in filter(None, variables.get("API_TOKENS", "").split(",")):
        name, _, token = entry.split(":", 2)
        found[f"token of {name}"] = token
    for name, value in variables.items():
        if name == "SECRET_KEY" or name.endswith("_API_SECRET"):
            found[name] = value
        elif name.endswith("_URL") and (password := urlsplit(value).password):
            found[f"password in {name}"] = password
    return {name: secret for name, secret in found.items() if secret}
