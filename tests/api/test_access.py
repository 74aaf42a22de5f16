"""Who may do what, on every address with every method, and what an answer must never carry."""

import subprocess
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
import requests

from tests.support import envelope
from tests.support.client import TIMEOUT_SEC, TOKENS
from tests.support.fixtures import StackFactory
from tests.support.stack import Stack
from web.auth.throttle import MOST_FAILURES

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
#: What is sent along: a body of JSON or of a form counts for those methods that may carry one.
BODIES: tuple[dict[str, Any], ...] = (
    {},
    {"json": {"mode": "paper"}},
    {"json": {"maxConcurrentPositions": 2}},
    {"data": "x=1"},
)
CARRY_NONE = {"HEAD", "OPTIONS", "TRACE", "PROPFIND"}
#: Open to everybody: they show nothing that is worth a token.
OPEN = {
    "/healthz",
    "/readyz",
    "/docs",
    "/docs/<name>",
    "/openapi.json",
    "/login",
    "/logout",
    "/",
    # pages: without a session they lead to the login
    "/sessions",
    "/sessions/<uuid:session_id>",
    "/approvals/<uuid:command_id>",
    "/static/<path:filename>",
}
ID = "00000000-0000-4000-8000-000000000000"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@pytest.fixture(scope="module")
def stack(make_module_stack: StackFactory) -> Stack:
    """A system of its own: whether anything changed is looked at in all tables, where nobody else may be writing."""
    return make_module_stack().start()


@pytest.fixture(scope="module")
def rules(stack: Stack) -> list[str]:
    """Every rule of the application's map of addresses."""
    done = stack.flask("routes", "--sort", "rule")
    assert done.returncode == 0, done.stderr
    found = [
        line.split()[-1]
        for line in done.stdout.splitlines()
        if line.strip() and line.split()[-1].startswith("/")
    ]
    assert "/api/bot/kill" in found
    return found


def addresses(rules: list[str]) -> Iterator[tuple[str, str]]:
    """Every rule with an address that it matches."""
    for rule in rules:
        address = rule
        for part, value in (
            ("<uuid:command_id>", ID),
            ("<uuid:trade_id>", ID),
            ("<uuid:session_id>", ID),
            ("<name>", "swagger-ui.css"),
            ("<path:filename>", "docs.js"),
        ):
            address = address.replace(part, value)
        assert "<" not in address, f"say what {rule} stands for"
        yield rule, address


def everything(stack: Stack) -> list[object]:
    tables = [
        row["tablename"]
        for row in stack.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        if row["tablename"] not in ("bot_worker", "bot_alert", "bot_tally", "bot_pulse")
    ]
    return [
        stack.sql(f"SELECT to_jsonb(t) AS row FROM {table} t ORDER BY to_jsonb(t)::text") for table in tables
    ]


@pytest.mark.parametrize("role", ["viewer", None])
def test_nobody_but_an_operator_changes_anything_by_any_way(stack: Stack, rules: list[str], role: str | None):
    before = everything(stack)
    for rule, address in addresses(rules):
        for method in METHODS:
            for kwargs in BODIES[:1] if method in CARRY_NONE else BODIES:
                if address.endswith("/events") and method == "GET":
                    continue  # has no end; the next test looks at it
                answer = stack.api(role).request(method, "/" + address, allow_redirects=False, **kwargs)
                assert answer.status_code < 500, (method, address, answer.text)
                if role is None and rule not in OPEN and method in ("GET", "POST", "PATCH"):
                    assert answer.status_code in (401, 405), (method, address, answer.text)
    assert everything(stack) == before


def test_the_stream_of_events_needs_a_token(stack: Stack):
    envelope.check(stack.api(None).get("/events"), 401, "unauthorized")


def test_a_method_in_disguise_is_not_looked_at(stack: Stack):
    before = everything(stack)
    for header in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        assert stack.api("viewer").get("/status", headers={header: "POST"}).status_code == 200
        envelope.check(
            stack.api("viewer").post("/start?_method=PATCH", headers={header: "PATCH"}), 403, "forbidden"
        )
    assert everything(stack) == before


def test_every_answer_carries_the_security_headers(stack: Stack, rules: list[str]):
    odd = [
        ("", "/nothing-here"),
        ("", "/static/nothing-here.js"),
        ("", "/docs/nothing.js"),
        ("", "/api/bot/nothing"),
    ]
    for _, address in [*addresses(rules), *odd]:
        for method in ("GET", "POST", "DELETE", "OPTIONS"):
            answer = stack.api("viewer").request(method, "/" + address, stream=True, allow_redirects=False)
            answer.close()
            shown = f"{method} {address} {answer.status_code}"
            for name, value in HEADERS.items():
                assert answer.headers.get(name) == value, shown
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy, shown
            assert "frame-ancestors 'none'" in policy, shown
            scripts = [part for part in policy.split(";") if part.strip().startswith("script-src")]
            assert not any("unsafe" in part for part in scripts or [policy.split(";")[0]]), shown
            if address.startswith("/api/"):
                assert answer.headers["Cache-Control"] == "no-store", shown
            assert "X-Powered-By" not in answer.headers


@pytest.mark.parametrize("address", ["/docs", "/login", "/"])
def test_pages_have_no_script_and_no_style_within(stack: Stack, address: str):
    page = requests.get(stack.url + address, timeout=10).text.lower()
    for start in page.split("<script")[1:]:
        tag, _, rest = start.partition(">")
        assert "src=" in tag or 'type="application/json"' in tag, start[:200]
        if "src=" in tag:
            assert rest.partition("</script")[0].strip() == ""
    assert " onclick=" not in page
    assert "javascript:" not in page


def test_no_answer_and_no_list_of_processes_names_a_token(stack: Stack):
    secrets = [*TOKENS.values(), stack.env()["SECRET_KEY"], "paper-secret-of-the-tests"]
    operator = stack.api()
    answers = [
        operator.get("/status"),
        operator.get("/config"),
        operator.get("/commands"),
        operator.get("//metrics"),
        operator.get("//readyz"),
        operator.get("//openapi.json"),
        operator.get(f"/nothing?token={TOKENS['operator']}"),
        operator.post("/start", {"reason": 7}),
        operator.post("/start", data=TOKENS["operator"], headers={"Content-Type": "application/json"}),
    ]
    for answer in answers:
        assert not [secret for secret in secrets if secret in answer.text + str(answer.headers)]
    for process in (stack.web, *stack.workers.values()):
        for pid in (process.pid, *process.children()):
            shown = " ".join(psutil.Process(pid).cmdline())
            assert not [secret for secret in secrets if secret in shown]
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert not [secret for secret in secrets if secret in listed]
    assert not stack.leaked_secrets()


def test_wrong_tokens_are_limited_and_do_not_lock_the_operator_out(fresh_stack: Stack):
    # one connection leads to one of web's processes all the time; each of them counts by itself and knows whom it let in
    with requests.Session() as connection:

        def ask(token: str) -> requests.Response:
            return connection.get(
                f"{fresh_stack.url}/api/bot/status",
                headers={"Authorization": f"Bearer {token}"},
                timeout=TIMEOUT_SEC,
            )

        assert ask(TOKENS["operator"]).status_code == 200
        guesses = [ask(f"guess-{number}") for number in range(MOST_FAILURES + 1)]
        assert {guess.status_code for guess in guesses} == {401, 429}
        envelope.check(guesses[-1], 429, "rate_limited")
        assert int(guesses[-1].headers["Retry-After"]) > 0
        assert ask(TOKENS["operator"]).status_code == 200, "whom a process let in before stays in"
        # nobody showed it this one yet, so it may as well be a guess
        assert ask(TOKENS["viewer"]).status_code == 429
