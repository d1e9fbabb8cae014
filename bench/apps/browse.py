"""Opens pages of the console in Chromium and says when each could be used: `browse.py CHROMIUM`.

A line of JSON comes in, `{"enter": LINK, "url": …, "pages": {NAME: [PATH, CONDITION]}}`; one goes out, `{NAME:
[seconds, seconds]}`: by a browser that kept nothing, and once more with what it keeps. Who has entered stays signed in.
Conditions are expressions of JavaScript, and are looked at each time that the page is drawn.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright


def main() -> None:
    """One visit for each line."""
    sessions: dict[str, Any] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
        for line in sys.stdin:
            asked = json.loads(line)
            url = asked["url"]
            if url not in sessions:
                sessions[url] = entered(browser, asked["enter"])
            print(json.dumps(visit(browser, url, sessions[url], asked["pages"])), flush=True)
        browser.close()


def entered(browser: Browser, link: str) -> Any:
    """The cookies of who has followed a link."""
    context = browser.new_context()
    context.new_page().goto(link, wait_until="commit")
    state = context.storage_state()
    context.close()
    return state


def visit(browser: Browser, url: str, session: Any, pages: dict[str, list[str]]) -> dict[str, list[float]]:
    """Each page, seen by a browser that has seen nothing."""
    found = {}
    for name, (path, condition) in pages.items():
        context = browser.new_context(storage_state=session, viewport={"width": 1280, "height": 860})
        page = context.new_page()
        found[name] = [seconds(page, url + path, condition) for _ in range(2)]
        context.close()
    return found


def seconds(page: Page, url: str, condition: str) -> float:
    """From the navigation until the condition holds."""
    page.goto("about:blank")
    page.goto(url, wait_until="commit")
    drawn = page.wait_for_function(f"() => ({condition}) ? performance.now() : false", timeout=60_000)
    return float(drawn.json_value()) / 1000


main()
