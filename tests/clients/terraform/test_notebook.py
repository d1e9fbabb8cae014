"""A notebook instance through Terraform: scripts, a repository behind credentials, a kernel with a package of the
team's own index; used through Jupyter's protocol, stopped by its own script, started, destroyed."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from .. import git_server
from ..jupyter import Browser, Channel

NAME = "terraform-lab"
CONFIGURATION = Path(__file__).with_name("notebook")
LOOK = """if True:
    import os, houses, sagemaker
    print(os.path.exists("README.md"), houses.PRICE, sagemaker.get_execution_role().split("/")[-1])
"""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """The address of a package index that holds one small package."""
    folder = tmp_path / "index" / "simple" / "tiny-houses"
    folder.mkdir(parents=True)
    about = "tiny_houses-1.0.dist-info"
    files = {
        "houses.py": "PRICE = 42\n",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: tiny-houses\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/RECORD": f"houses.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n",
    }
    with zipfile.ZipFile(folder / "tiny_houses-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)

    class Handler(http.server.SimpleHTTPRequestHandler):  # a folder's listing is what pip reads
        def log_message(self, *_arguments: Any) -> None:
            pass

    handler = functools.partial(Handler, directory=str(tmp_path / "index"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/simple/"
    server.shutdown()


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    """The address of a Git repository."""
    folder = tmp_path / "git"
    folder.mkdir()
    git_server.repository(folder, {"README.md": "# Houses\n"})
    server = git_server.serve(folder)
    yield f"https://127.0.0.1:{server.server_address[1]}/code.git"
    server.shutdown()


def test_a_notebook_instance_is_made_used_stops_by_itself_starts_and_is_destroyed(
    terraform: Any, index: str, repository: str, eventually: Callable[..., Any]
) -> None:
    shutil.copytree(CONFIGURATION, terraform.folder, dirs_exist_ok=True)
    credentials = json.dumps({"username": git_server.USER, "password": git_server.PASSWORD})
    options = [f"-var=repository={repository}", f"-var=credentials={credentials}", f"-var=index={index}"]
    terraform.init()
    terraform.apply(*options)
    sagemaker = boto3.client("sagemaker")
    described = sagemaker.describe_notebook_instance(NotebookInstanceName=NAME)
    assert described["NotebookInstanceStatus"] == "InService"

    channel = session(browser := opened(sagemaker))
    assert channel.execute(LOOK).splitlines()[-1] == f"True 42 {NAME}"
    browser.json("PUT", "/api/contents/done", {"type": "file", "format": "text", "content": ""})
    eventually(lambda: status(sagemaker) == "Stopped")  # at a full minute, by what cron runs
    channel.close()

    sagemaker.start_notebook_instance(NotebookInstanceName=NAME)
    eventually(lambda: status(sagemaker) == "InService")
    assert session(opened(sagemaker)).execute(LOOK).splitlines()[-1] == f"True 42 {NAME}"
    terraform.destroy(*options)
    assert not sagemaker.list_notebook_instances(NameContains=NAME)["NotebookInstances"]


def status(sagemaker: Any) -> str:
    return str(sagemaker.describe_notebook_instance(NotebookInstanceName=NAME)["NotebookInstanceStatus"])


def opened(sagemaker: Any) -> Browser:
    browser = Browser(sagemaker.create_presigned_notebook_instance_url(NotebookInstanceName=NAME)["AuthorizedUrl"])
    assert browser.open() == 302
    return browser


def session(browser: Browser) -> Channel:
    """A notebook of the team's own kernel, as a page opens one."""
    wanted = {"path": "work.ipynb", "name": "work.ipynb", "type": "notebook", "kernel": {"name": "conda_houses"}}
    started = browser.json("POST", "/api/sessions", wanted)
    return Channel(browser, f"/api/kernels/{started['kernel']['id']}/channels")
