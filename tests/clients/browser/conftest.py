"""Chromium on the console's pages; a picture of each is kept under .cache/pictures."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

PICTURES = Path(__file__).parents[3] / ".cache" / "pictures"
SAGEWRIGHT = Path(__file__).parents[3] / ".venv" / "bin" / "sagewright"
Picture = Callable[[str], None]
expect.set_options(timeout=120_000)


@pytest.fixture(scope="session")
def provider() -> Iterator[str]:
    """A company's identity provider, where ada is of the group ml and bob of none."""
    from oidc_provider_mock import User, run_server_in_thread

    people = [
        User(sub="ada", claims={"email": "ada@example.com", "groups": ["staff", "ml"]}),
        User(sub="bob", claims={"email": "bob@example.com", "groups": ["staff"]}),
    ]
    with run_server_in_thread(user_claims=people, require_nonce=True) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(scope="session")
def server_options(provider: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("company")
    (folder / "secret").write_text("a-secret")
    (folder / "secret").chmod(0o600)
    settings = [
        f'issuer = "{provider}"',
        'client_id = "sagewright"',
        'client_secret_file = "secret"',
        'name = "Example Corp"',
        "[roles]",
        'ml = "arn:aws:iam::123456789012:role/service-role/SagewrightExecutionRole"',
    ]
    (folder / "oidc.toml").write_text("\n".join(settings))
    return {"more": ("--oidc", str(folder / "oidc.toml"))}


@pytest.fixture(scope="session")
def url() -> str:
    return os.environ["AWS_ENDPOINT_URL"]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def cookies(chromium: Browser, server: Any) -> Any:
    """Of a session of root's."""
    link = subprocess.run(
        [str(SAGEWRIGHT), "console", *server.options], check=True, capture_output=True, text=True
    ).stdout.strip()
    context = chromium.new_context()
    context.new_page().goto(link)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def stranger(chromium: Browser, url: str) -> Iterator[Page]:
    """A page of who is not signed in."""
    context = chromium.new_context(base_url=url, viewport={"width": 1280, "height": 860})
    yield context.new_page()
    context.close()


@pytest.fixture
def options() -> dict[str, Any]:
    """Of the browser, beyond the usual."""
    return {}


@pytest.fixture
def page(chromium: Browser, url: str, cookies: Any, options: dict[str, Any]) -> Iterator[Page]:
    """A page of root's, which must log no error and be refused nothing by its policy."""
    context = chromium.new_context(
        base_url=url, storage_state=cookies, **{"viewport": {"width": 1280, "height": 860}, **options}
    )
    page = context.new_page()
    page.set_default_timeout(120_000)
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text) if "Content Security" in message.text else None)
    yield page
    context.close()
    assert said == []


@pytest.fixture
def picture(page: Page) -> Picture:
    PICTURES.mkdir(parents=True, exist_ok=True)
    return lambda name: page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")
