"""The key that signs the panel's sessions and keys the hashes of tokens: SECRET_KEY, or one generated once and kept in DATA_DIR."""

from __future__ import annotations

from bot.errors import SettingsError
from bot.settings import kept_secret
from bot.settings.settings import Settings


def load(settings: Settings) -> str:
    """The key. It has no default, which everybody would know.

    Raises:
        SettingsError: SECRET_KEY is not set, and none can be kept.
    """
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    file = settings.data_dir / "secret-key"
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = kept_secret.keep(file)
    except OSError as error:
        raise SettingsError(
            f"SECRET_KEY is not set, and none can be kept in DATA_DIR ({error.strerror}): set SECRET_KEY to a long random text."
        ) from None
    if len(key) < 16:
        raise SettingsError(f"{file} holds no key: remove it, or set SECRET_KEY to a long random text.")
    return key
