"""axe-core's rules for WCAG 2.2 A and AA, and its best practices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Literal

from playwright.sync_api import Page

Shape = tuple[int, Literal["light", "dark"]]
#: A wide screen and a narrow one, each in another color scheme.
SHAPES: tuple[Shape, Shape] = (1280, "light"), (390, "dark")

_AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
_OPTIONS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


def check_accessibility(page: Page, part: str | None = None) -> None:
    """Fail with each rule that *page* breaks, and where; or only a *part* of it, named by a selector, where the others were checked
    before."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE)
    with _seen_whole(page):
        found = page.evaluate("([part, options]) => axe.run(part ?? document, options)", [part, _OPTIONS])
    found = found["violations"]
    assert not found, [(rule["help"], [node["html"] for node in rule["nodes"]]) for rule in found]


@contextmanager
def _seen_whole(page: Page) -> Iterator[None]:
    """A window as high as the page: what stays in its place as one scrolls would else lie over part of a button, which is too small
    to be hit then, depending on how many rows there are above."""
    assert page.viewport_size is not None
    width, height = page.viewport_size["width"], page.viewport_size["height"]
    whole = page.evaluate("document.documentElement.scrollHeight") + height
    page.set_viewport_size({"width": width, "height": whole})
    page.evaluate("() => new Promise(requestAnimationFrame)")
    yield
    page.set_viewport_size({"width": width, "height": height})


def check_shapes(page: Page, *shapes: Shape, part: str | None = None) -> None:
    """The same on each of these widths with its color scheme. Open the page with ``reduced_motion="reduce"``: a button that is
    fading from one ground to another would be measured half-way."""
    for width, scheme in shapes:
        take_shape(page, width, scheme)
        check_accessibility(page, part)


def take_shape(page: Page, width: int, scheme: Literal["light", "dark"]) -> None:
    """Become as wide as that, in that color scheme."""
    assert page.viewport_size is not None
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": page.viewport_size["height"]})
    page.evaluate("() => new Promise(requestAnimationFrame)")
