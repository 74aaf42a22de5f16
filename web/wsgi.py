"""The application that gunicorn serves: ``gunicorn -c web/gunicorn_conf.py web.wsgi:app``."""

import sys

from bot.errors import SettingsError
from bot.runtime import logs
from bot.settings.settings import Settings
from web.app import create_app, start

logs.configure()
try:
    settings = Settings.load()
    logs.configure(settings)
    app = create_app(settings)
    start(app)
except SettingsError as error:
    sys.exit(f"Pitboss cannot start: {error}")
