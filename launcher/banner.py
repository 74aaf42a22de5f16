"""What the operator reads when everything runs."""

from pathlib import Path

from bot.settings.settings import Settings
from launcher import ports
from launcher.environment import Environment


def banner(
    settings: Settings,
    environment: Environment,
    address: str,
    token: str | None,
    is_worker_online: bool,
    kept_in: Path,
) -> str:
    """Addresses and logins. Secrets that the operator set are not shown again, only those made up here. *kept_in* is the
    file that has it, too."""
    variables = environment.variables
    if not environment.tokens_are_ours:
        token = None
    login = variables["FLOWER_BASIC_AUTH"].split(",")[0]
    user, _, password = login.partition(":")
    rows = [
        ("panel", address),
        ("API", f"{address}/docs"),
        ("token", token or "as set in API_TOKENS"),
        ("Flower", f"http://{ports.LOOPBACK}:{settings.flower_port}"),
        (
            "",
            f"user {user}, password {password if environment.flower_login_is_ours else 'as set in FLOWER_BASIC_AUTH'}",
        ),
        ("account", _account(environment)),
        ("try", f"curl -H 'Authorization: Bearer {token or '<token>'}' {address}/api/bot/status"),
    ]
    if environment.demo_token is not None:
        start = f"curl -X POST -H 'Authorization: Bearer {token or '<token>'}' {address}/api/bot/start"
        hours = variables["MARKET_HOURS"]
        rows.append(("demo", f"the example bot trades at the sandbox when you start it: {start}"))
        rows.append(
            ("", f"MARKET_HOURS is {hours}" + (": the market counts as open" if hours == "always" else ""))
        )
    rows.append(("again", f"press Enter, or: cat {kept_in}"))
    if not is_worker_online:
        rows.append(("note", "the worker is not online yet: until it is, commands are queued"))
    lines = "".join(f"  {label:<8} {text}\n" for label, text in rows)
    return f"\nPitboss runs. Ctrl-C stops it.\n\n{lines}\n"


def _account(environment: Environment) -> str:
    variables = environment.variables
    if environment.sandbox_port is not None:
        paper = (
            f"SANDBOX at {variables['ALPACA_PAPER_URL']}: a simulated broker, because no paper keys are set"
        )
    else:
        paper = "Alpaca paper account, keys from ALPACA_PAPER_API_KEY"
    return paper + ("; live keys are set" if "ALPACA_LIVE_API_KEY" in variables else "; no live keys are set")
