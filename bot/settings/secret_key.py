"""The key that signs the panel's sessions and keys the hashes of tokens: SECRET_KEY, or one that is made up once and kept in DATA_DIR."""

from __future__ import annotations

import os
import secrets

from bot.errors import SettingsError
from bot.settings.settings import Settings


def load(settings: Settings) -> str:
    """The key; there is no default that everybody would know.

    Raises:
        SettingsError: SECRET_KEY is not set, and none can be kept.
    """
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    file = settings.data_dir / "secret-key"
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            draft = file.with_name(f"{file.name}.{os.getpid()}")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
                stream.write(secrets.token_urlsafe(32) + "\n")
            try:
                # of two processes that start at once, one wins, and both read the whole key
                os.link(draft, file)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        key = file.read_text().strip()
    except OSError as error:
        raise SettingsError(
            f"SECRET_KEY is not set, and none can be kept in DATA_DIR ({error.strerror}): set SECRET_KEY to a long random text."
        ) from None
    if len(key) < 16:
        raise SettingsError(f"{file} holds no key: remove it, or set SECRET_KEY to a long random text.")
    return key
