"""axe-core's rules for WCAG 2.2 A and AA, and its best practices."""

from __future__ import annotations

from importlib.resources import files

from playwright.sync_api import Page

_AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
_OPTIONS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


def check_accessibility(page: Page) -> None:
    """Fail with each rule that *page* breaks, and where."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE)
    found = page.evaluate("options => axe.run(document, options)", _OPTIONS)["violations"]
    assert not found, [(rule["help"], [node["html"] for node in rule["nodes"]]) for rule in found]
