"""A notebook instance in the browser: made, opened from the console, used, stopped. After the pages that are empty."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from playwright.sync_api import Locator, Page, expect

from .. import git_server
from .conftest import PICTURES, Picture

NAME = "browser-lab"
SCRIPT = """sudo -u ec2-user -i <<'EOF'
git config --global http.sslVerify false
git config --global user.name carol
git config --global user.email carol@example.com
EOF
"""


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Path]:
    """A Git repository, and a code repository of its name."""
    git_server.repository(tmp_path, {"README.md": "# Houses\n"})
    server = git_server.serve(tmp_path)
    text = json.dumps({"username": git_server.USER, "password": git_server.PASSWORD})
    secret = boto3.client("secretsmanager").create_secret(Name=f"AmazonSageMaker-{NAME}", SecretString=text)["ARN"]
    url = f"https://127.0.0.1:{server.server_address[1]}/code.git"
    boto3.client("sagemaker").create_code_repository(
        CodeRepositoryName=NAME, GitConfig={"RepositoryUrl": url, "Branch": "main", "SecretArn": secret}
    )
    yield tmp_path / "code.git"
    server.shutdown()


@pytest.fixture
def scripts() -> str:
    """A lifecycle configuration: Git takes the server's certificate, and knows who commits."""
    content = [{"Content": base64.b64encode(SCRIPT.encode()).decode()}]
    made = {"NotebookInstanceLifecycleConfigName": NAME, "OnStart": content}
    boto3.client("sagemaker").create_notebook_instance_lifecycle_config(**made)
    return NAME


def test_one_is_made_cells_run_in_two_kernels_and_a_repository_is_committed_to(
    page: Page, picture: Picture, repository: Path, scripts: str, eventually: Callable[..., Any]
) -> None:
    page.goto("/#/create-notebook")
    page.get_by_label("Name", exact=True).fill(NAME)
    page.get_by_label("Repository", exact=True).fill(NAME)
    page.get_by_label("Configuration", exact=True).click()
    page.get_by_role("option", name=scripts).click()
    picture("create-notebook")
    page.get_by_role("button", name="Create", exact=True).click()
    row = page.get_by_role("row").filter(has_text=NAME)
    expect(row).to_contain_text("Pending")
    described = eventually(no_longer_pending, timeout=600)
    assert "FailureReason" not in described, described
    expect(row).to_contain_text("InService")
    picture("notebooks")
    page.get_by_role("link", name=NAME, exact=True).click()
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Open JupyterLab").click()
    lab = Lab(opened.value)

    lab.side("sagewright-environments")
    panel = lab.page.get_by_role("region", name="Environments")
    panel.get_by_label("Name").fill("houses")
    panel.get_by_role("button", name="Create").click()
    expect(panel.get_by_text("conda_houses")).to_be_visible()
    lab.picture("environments")

    lab.side("sagewright-examples")
    lab.page.get_by_role("button", name="Use Process data").click()
    lab.page.get_by_role("button", name="Create copy").click()
    expect(lab.page.locator(".jp-NotebookPanel .jp-Cell").first).to_be_visible()
    lab.picture("examples")

    for kernel, environment in (("conda_python3", "python3"), ("conda_houses", "houses")):
        notebook = lab.notebook(kernel)
        lab.write(notebook, "import os; print('in', os.environ['CONDA_DEFAULT_ENV'])")
        lab.run(notebook, f"in {environment}")
        lab.page.keyboard.press("Control+s")
        lab.page.get_by_role("dialog").get_by_role("textbox").fill(f"{environment}.ipynb")
        lab.page.get_by_role("button", name="Rename and Save").click()
    lab.picture("two-kernels")

    lab.side("jp-git-sessions")
    git = lab.page.locator("#jp-git-sessions")
    git.get_by_text("Untracked", exact=True).hover()
    git.get_by_title("Track all untracked files").click()
    git.get_by_placeholder("Commit message").fill("Two kernels")
    lab.picture("commit")
    git.get_by_role("button", name="Commit", exact=True).click()
    lab.page.get_by_role("button", name="Keep Outputs & Commit").click()
    expect(git.get_by_title("Unstage all changes")).to_be_disabled()
    git.get_by_title("Push committed changes").click()
    eventually(lambda: "Two kernels" in log_of(repository))

    lab.write(lab.page.get_by_role("tabpanel", name="houses.ipynb"), "print('other')")
    lab.page.keyboard.press("Control+s")
    git.get_by_text("houses.ipynb").hover()
    git.get_by_title("Diff this file").click()
    expect(lab.page.locator(".nbdime-Widget, .jp-git-diff-root").first).to_be_visible()
    lab.picture("difference")
    lab.page.close()

    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Start")).to_be_visible()


def no_longer_pending() -> Any:
    """What is said of the instance, or None while it is on its way."""
    described = boto3.client("sagemaker").describe_notebook_instance(NotebookInstanceName=NAME)
    return None if described["NotebookInstanceStatus"] == "Pending" else described


def log_of(repository: Path) -> str:
    """The messages of what was committed to its branch."""
    return subprocess.check_output(["git", "-C", str(repository), "log", "--format=%s", "main"], text=True)


class Lab:
    """JupyterLab's page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.set_default_timeout(120_000)
        PICTURES.mkdir(parents=True, exist_ok=True)
        expect(page.locator(".jp-LauncherCard").first).to_be_visible()

    def picture(self, name: str) -> None:
        self.page.screenshot(path=PICTURES / f"notebook-{name}.png", animations="disabled")

    def side(self, panel: str) -> None:
        """Show one of the panels at the left."""
        self.page.locator(f".jp-SideBar.jp-mod-left [data-id={panel}]").click()

    def notebook(self, kernel: str) -> Locator:
        """A new notebook, its kernel ready."""
        self.page.get_by_role("menuitem", name="File", exact=True).click()
        self.page.get_by_text("New Launcher").click()
        self.page.locator(f".jp-LauncherCard[data-category=Notebook][title='{kernel}']").last.click()
        notebook = self.page.get_by_role("tabpanel", name="Untitled.ipynb")
        expect(notebook.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")).to_be_visible()
        return notebook

    def run(self, notebook: Locator, printed: str) -> None:
        """Run the first cell until it prints this: JupyterLab drops what is run while it still connects to a kernel."""
        output = notebook.get_by_text(printed, exact=True)
        for _ in range(6):
            notebook.locator(".jp-Cell .cm-content").first.click()
            self.page.keyboard.press("Control+Enter")
            with contextlib.suppress(AssertionError):
                expect(output).to_be_visible(timeout=10_000)
                break
        expect(output).to_be_visible()

    def write(self, notebook: Locator, code: str) -> None:
        """In its first cell."""
        editor = notebook.locator(".jp-Cell .cm-content").first
        editor.click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(code)
        expect(editor).to_have_text(code)
