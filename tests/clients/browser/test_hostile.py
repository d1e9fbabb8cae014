"""What others keep here, and pages of elsewhere, in the browser of who is signed in as root."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from playwright.sync_api import Browser, Page, expect

ACTS = """fetch("/_sagewright/console/session").then((each) => each.json()).then((session) => {
  document.title = "acted as " + session.user; })"""
PAGE = f"<title>kept</title><p>kept here</p><script>document.title = 'ran'; {ACTS}</script>"
DRAWING = f"""<svg xmlns="http://www.w3.org/2000/svg"><text y="20">kept here</text><script>
document.documentElement.setAttribute("data-ran", "yes"); {ACTS.replace("=>", "=&gt;")}</script></svg>"""


@pytest.fixture
def tab(chromium: Browser, url: str, cookies: Any) -> Iterator[Page]:
    """One of root's, whatever it logs."""
    context = chromium.new_context(base_url=url, storage_state=cookies)
    yield context.new_page()
    context.close()


def test_what_is_kept_in_a_bucket_runs_no_script(tab: Page, bucket: str) -> None:
    s3 = boto3.client("s3")
    for key, body, kind in (("page.html", PAGE, "text/html"), ("drawing.svg", DRAWING, "image/svg+xml")):
        s3.put_object(Bucket=bucket, Key=f"hostile/{key}", Body=body.encode(), ContentType=kind)
        where = {"Bucket": bucket, "Key": f"hostile/{key}"}
        tab.goto(s3.generate_presigned_url("get_object", Params=where))
        expect(tab.get_by_text("kept here")).to_be_visible()
        assert tab.title() in ("kept", "")
        assert not tab.evaluate("document.documentElement.hasAttribute('data-ran')")


def test_the_console_is_in_nobodys_frame(tab: Page, url: str) -> None:
    elsewhere = url.replace("127.0.0.1", "localhost")
    tab.goto(f"{elsewhere}/_sagewright/health")
    tab.set_content(f'<iframe src="{url}/"></iframe><p>around</p>')
    expect(tab.get_by_text("around")).to_be_visible()
    tab.wait_for_function("window.frames.length === 1")
    expect(tab.frame_locator("iframe").locator("#root")).to_have_count(0)


def test_pages_of_elsewhere_neither_act_nor_see(tab: Page, url: str) -> None:
    tab.goto(f"{url.replace('127.0.0.1', 'localhost')}/_sagewright/health")
    ask = """async ([address, method]) => {
      try {
        const answer = await fetch(address, {method, credentials: "include", mode: "no-cors"});
        return answer.type + (await answer.text());
      } catch (error) { return "refused"; } }"""
    for path, method in (("sign-out", "POST"), ("session", "GET"), ("api/iam/ListUsers", "POST")):
        seen = tab.evaluate(ask, [f"{url}/_sagewright/console/{path}", method])
        assert seen in ("opaque", "refused")
    tab.goto("/#/users")
    expect(tab.get_by_role("button", name="root")).to_be_visible()
