"""Tokens, keys and passwords stay where they are."""

import json

from tests.support.broker import KEYS
from tests.support.client import TOKENS
from tests.support.stack import Stack

WRONG = "this-token-is-wrong-and-still-a-secret"


def test_no_secret_is_in_any_answer_or_log(stack: Stack):
    answers = []
    for token in (*TOKENS.values(), WRONG):
        headers = {"Authorization": f"Bearer {token}"}
        for method, path in (
            ("GET", "/status"),
            ("GET", "/config"),
            ("GET", "/commands"),
            ("GET", "/reconciliations"),
            ("GET", "//openapi.json"),
            ("GET", "//readyz"),
            ("POST", "/start"),
            ("POST", "/nothing"),
            ("GET", f"/status?token={token}"),
        ):
            response = stack.api(None).request(method, path, headers=headers)
            answers.append(response.text + json.dumps(dict(response.headers)))
    stack.broker.faults({"kind": "401"})
    answers.append(stack.api().post("/reconcile", headers={"Prefer": "wait=10"}).text)
    answers.append(stack.api().get("/status").text)

    told = "\n".join(answers)
    secrets = [*TOKENS.values(), *(secret for _, secret in KEYS.values()), stack.env()["SECRET_KEY"]]
    assert not [secret for secret in secrets if secret in told]
    # an address with a token in it is the sender's own doing; nothing of it may be kept
    assert stack.leaked_secrets() == []
    assert WRONG not in stack.logs(whole=True)


def test_no_secret_is_in_a_log_when_everything_fails(make_stack):
    stack = make_stack(ALPACA_PAPER_API_SECRET="", ALPACA_LIVE_API_SECRET="s3cret-that-stands-alone")
    stack.start_redis()
    stack.web.start()
    assert stack.web.wait(20) != 0
    worker = stack.start_worker(wait=False)
    assert worker.wait(20) != 0
    for log in (stack.web.log(), worker.log()):
        assert "ALPACA_PAPER_API_SECRET" in log
        assert "Traceback" not in log
        assert "s3cret-that-stands-alone" not in log
