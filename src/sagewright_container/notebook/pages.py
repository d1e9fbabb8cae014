"""What our panels in JupyterLab ask, for examples and environments: an extension of Jupyter's server. `lab/` has them.

    GET  /sagewright/examples               [{"name", "title", "about"}]
    GET  /sagewright/examples/NAME          the notebook
    GET  /sagewright/environments           {"environments": [{"name", "kernel", "base", "own"}], "bases": [kernel]}
    POST /sagewright/environments           {"name", "base", "packages": "a b==1"}: makes one
    POST /sagewright/environments/NAME      {"packages"}: installs into one
    DELETE /sagewright/environments/NAME

What is refused answers 400 with {"message"}. Whoever comes through the edge has a session, and nobody else comes.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sagewright_container.notebook import environments
from sagewright_container.notebook.environments import Refused
from sagewright_container.notebook.settings import Settings

EXAMPLES = Path(__file__).with_name("examples")
_NAME = r"([A-Za-z0-9][A-Za-z0-9_.-]{0,99})"


def examples() -> list[dict[str, str]]:
    """The first cell of each is its title and what it is about."""
    found = []
    for path in sorted(EXAMPLES.glob("*.ipynb")):
        title, _, about = "".join(json.loads(path.read_text())["cells"][0]["source"]).partition("\n")
        found.append({"name": path.stem, "title": title.lstrip("# "), "about": about.strip().partition("\n\n")[0]})
    return found


def listed(settings: Settings) -> dict[str, Any]:
    """All environments, and what new ones may stand on."""
    found = environments.all_of_them(settings)
    shown = [{"name": e.name, "kernel": e.kernel, "base": e.base, "own": bool(e.base)} for e in found]
    return {"environments": shown, "bases": list(settings.kernels)}


def install(name: str, packages: list[str], settings: Settings) -> None:
    """Raises Refused."""
    found = [each for each in environments.all_of_them(settings) if each.name == name]
    if not found:
        raise Refused(f"There is no environment {name}.")
    environments.install(found[0], packages)


def words(text: Any) -> list[str]:
    """Packages as they were typed. Raises Refused for what pip would take for an option."""
    try:
        found = shlex.split(text or "")
    except (ValueError, AttributeError):
        raise Refused("Write packages as pip takes them, with spaces between: pandas scikit-learn==1.9.1") from None
    if any(each.startswith("-") for each in found):
        raise Refused("Name packages only. Options of pip work in a terminal.")
    return found


def _load_jupyter_server_extension(app: Any) -> None:
    """Called by Jupyter's server."""
    base: Any = importlib.import_module("jupyter_server.base.handlers").APIHandler

    class Handler(base):  # type: ignore[misc]
        async def work(self, do: Callable[[], Any]) -> None:
            try:
                answer = await asyncio.get_running_loop().run_in_executor(None, do)
            except Refused as refused:
                self.set_status(400)
                answer = {"message": str(refused)}
            self.finish(json.dumps(answer))

        def asked(self) -> dict[str, Any]:
            found = self.get_json_body()
            return found if isinstance(found, dict) else {}

    class Examples(Handler):
        async def get(self) -> None:
            await self.work(examples)

    class Example(Handler):
        async def get(self, name: str) -> None:
            await self.work(lambda: _example(name))

    class Environments(Handler):
        async def get(self) -> None:
            await self.work(lambda: listed(Settings.read()))

        async def post(self) -> None:
            asked = self.asked()
            name, base = str(asked.get("name") or ""), str(asked.get("base") or "")

            def make() -> dict[str, str]:
                made = environments.create(Settings.read(), name, base, words(asked.get("packages")))
                return {"kernel": made.kernel}

            await self.work(make)

    class Environment(Handler):
        async def post(self, name: str) -> None:
            packages = self.asked().get("packages")
            await self.work(lambda: install(name, words(packages), Settings.read()))

        async def delete(self, name: str) -> None:
            await self.work(lambda: environments.remove(Settings.read(), name))

    at = app.web_app.settings["base_url"].rstrip("/") + "/sagewright"
    app.web_app.add_handlers(
        ".*$",
        [
            (f"{at}/examples", Examples),
            (f"{at}/examples/{_NAME}", Example),
            (f"{at}/environments", Environments),
            (f"{at}/environments/{_NAME}", Environment),
        ],
    )


def _example(name: str) -> Any:
    path = EXAMPLES / f"{name}.ipynb"
    if not re.fullmatch(_NAME, name) or not path.is_file():
        raise Refused(f"There is no example {name}.")
    return json.loads(path.read_text())
