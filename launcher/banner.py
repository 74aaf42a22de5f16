"""What the operator reads when everything runs."""

from pathlib import Path

from launcher import ports
from launcher.environment import Environment, Plan


def banner(plan: Plan, address: str, is_worker_online: bool, kept_in: Path, *, shows_secrets: bool) -> str:
    """Addresses and logins. Secrets that the operator set are not shown again, only those made up here, and these only to a
    terminal: else the files that hold them are named. *kept_in* is the file that has the banner, too."""
    environment, token = plan.environment, plan.operator_token
    variables = environment.variables
    data_dir = Path(variables["DATA_DIR"])
    kept_tokens, kept_login = data_dir / "api-tokens", data_dir / "flower-login"
    user, _, password = variables["FLOWER_BASIC_AUTH"].split(",")[0].partition(":")
    shown_token, in_command = "as set in API_TOKENS", "<token>"
    if environment.tokens_are_ours and token is not None:
        shown_token = token if shows_secrets else f"the operator's is the third field of {kept_tokens}"
        in_command = token if shows_secrets else f"$(cut -d , -f 1 '{kept_tokens}' | cut -d : -f 3)"
    if not environment.flower_login_is_ours:
        password = "as set in FLOWER_BASIC_AUTH"  # noqa: S105 - where it is
    elif not shows_secrets:
        password = f"behind the colon in {kept_login}"
    rows = [
        ("panel", address),
        ("API", f"{address}/docs"),
        ("token", shown_token),
        ("Flower", f"http://{ports.LOOPBACK}:{plan.flower_port}"),
        ("", f"user {user}, password {password}"),
        ("account", _account(environment)),
        ("try", f'curl -H "Authorization: Bearer {in_command}" {address}/api/bot/status'),
    ]
    if environment.demo_token is not None:
        start = f'curl -X POST -H "Authorization: Bearer {in_command}" {address}/api/bot/start'
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
