"""The commands of the API, each with a body that is right."""

COMMANDS = [
    ("POST", "/start"),
    ("POST", "/pause"),
    ("POST", "/resume"),
    ("POST", "/stop"),
    ("POST", "/kill"),
    ("POST", "/rearm"),
    ("POST", "/reconcile"),
    ("PATCH", "/mode"),
    ("PATCH", "/config"),
]


def body_of(path: str) -> dict[str, object]:
    bodies: dict[str, dict[str, object]] = {
        "/mode": {"mode": "paper"},
        "/config": {"maxConcurrentPositions": 9},
    }
    return bodies.get(path, {})
