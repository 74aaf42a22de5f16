"""Asks the running web server whether it is ready."""

import http.client
import json

TIMEOUT_SEC = 2.0
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


class WebProbe:
    """Speaks to web directly: proxies that the environment names know nothing of this machine."""

    def __init__(self, host: str, port: int) -> None:
        self._host = _EVERYWHERE.get(host, host)
        self._port = port

    @property
    def address(self) -> str:
        """Where a browser on this machine finds it."""
        return f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{self._port}"

    def is_ready(self) -> bool:
        return self._get("/readyz")[0] == 200

    def is_worker_online(self, token: str) -> bool:
        status, body = self._get("/api/bot/status", {"Authorization": f"Bearer {token}"})
        try:
            return status == 200 and json.loads(body)["worker"]["online"] is True
        except (ValueError, KeyError, TypeError):
            return False

    def _get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body; status 0 if there was no answer."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_SEC)
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()
