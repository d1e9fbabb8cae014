"""A notebook instance: `serve` of the image `notebook`.

In order: the home folder, lifecycle scripts, repositories, then JupyterLab on a Unix socket until SIGTERM; beside it
cron, the local HTTPS port and a look at the volume. What keeps the instance from starting is written where jobs write
their failures, and becomes its FailureReason.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping

from sagewright_container.notebook import cron, home, local, repositories, scripts, volume
from sagewright_container.notebook.settings import FAILURE, RESTART, SOCKET, VOLUME, Failed, Settings

_GRACE_S = 8.0
_LOOK_S = 0.5


def serve() -> int:
    """Run the instance; answer the exit code."""
    settings = Settings.read()
    try:
        home.prepare(settings)
        scripts.run_all(settings)
        repositories.clone_all(settings)
    except Failed as failure:
        os.makedirs(os.path.dirname(FAILURE), exist_ok=True)
        with open(FAILURE, "w", encoding="utf-8") as file:
            file.write(str(failure))
        print(f"sagewright: {failure}", flush=True)
        return 1
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    environment = settings.environment()
    for work in (lambda: cron.run(settings, stop), lambda: local.listen(SOCKET), lambda: volume.watch(settings, stop)):
        threading.Thread(target=work, daemon=True).start()
    return _jupyter(_command(settings), environment, stop)


def _jupyter(command: list[str], environment: Mapping[str, str], stop: threading.Event) -> int:
    """Keep JupyterLab running until we are told to stop; one that ends by itself ends the instance."""
    while True:
        if os.path.exists(RESTART):
            os.unlink(RESTART)
        process = subprocess.Popen(command, env=environment, cwd=VOLUME, start_new_session=True)
        while process.poll() is None and not stop.is_set() and not os.path.exists(RESTART):
            stop.wait(_LOOK_S)
        if process.poll() is not None:
            return process.returncode
        process.terminate()
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if stop.is_set():
            return 0
        print("sagewright: JupyterLab is started anew.", flush=True)


def _command(settings: Settings) -> list[str]:
    root = VOLUME
    if settings.has_default:
        root = os.path.join(VOLUME, settings.repositories[0].folder)
    return [
        *(sys.executable, "-m", "jupyterlab", "--no-browser"),
        f"--ServerApp.sock={SOCKET}",
        "--ServerApp.sock_mode=0600",
        f"--ServerApp.root_dir={root}",
        "--ServerApp.allow_remote_access=True",
        "--ServerApp.quit_button=False",
        # Whoever comes through the edge has a session, and nobody else reaches the socket.
        "--IdentityProvider.token=",
        "--ServerApp.password=",
        "--ServerApp.disable_check_xsrf=True",  # the edge checks origins
        "--ServerApp.terminado_settings={'shell_command': ['/bin/bash', '-l']}",
        # Ports of the machine are shared with others; files are not.
        "--KernelManager.transport=ipc",
        "--KernelSpecManager.ensure_native_kernel=False",
        f"--MultiKernelManager.default_kernel_name={next(iter(settings.kernels), 'python3')}",
        "--ServerApp.jpserver_extensions={'sagewright_container.notebook.pages': True}",
        "--LabApp.extension_manager=readonly",  # its environment is; what looks for more of them loads an HTTP client
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
