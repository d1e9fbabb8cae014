"""A task in bubblewrap: its root is built from read-only pieces of this machine, and nothing else exists.

`process.py` calls `arguments` for what goes to bubblewrap through a descriptor (never its command line: the
environment is among it) and `available` to learn whether it works here.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sagewright.compute import syscalls
from sagewright.compute.base import Task

UID = 1000
"""Who the task is, inside. Not 0: `tar` run by a root without powers fails on foreign owners."""
USER = "sagemaker-user"
HOME = f"/home/{USER}"
TOOLKIT = "/opt/sagewright"
FOLDERS = ("root", "tmp", "home")
"""A sandboxed task's private folders, in the engine's folder of it: what it writes, wherever, is in one of them."""
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
ETC = (
    "alternatives",
    "ca-certificates",
    "debian_version",
    "fonts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "magic",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "pki",
    "protocols",
    "resolv.conf",
    "services",
    "ssl",
    "timezone",
)
_KERNEL_FILES = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi", "/proc/scsi",
                 "/proc/pressure")  # fmt: skip
_GPU_DEVICES = ("nvidia", "dri", "kfd")

_CLIENTS = {
    "BOTOCORE_EXPERIMENTAL__PLUGINS": "sagewright=sagewright_container.client_plugin.sagewright_botocore",
    "SAGEMAKER_ADMIN_CONFIG_OVERRIDE": "{}/sagewright_container/client_plugin/sagemaker-config.yaml",
    "SPARK_CONF_DIR": "{}/sagewright_container/spark/conf",
}
"""SDKs ask nobody but this server and report nothing, which `sagewright env` sees to as well; Spark finds S3."""
_SPINS = "1000"
"""So often a thread of OpenMP's looks whether there is work before it sleeps: some 50 µs. By itself it would look
300,000 times, and keep a processor from others that could use it, its own team among them."""


def program() -> str | None:
    """Path of bubblewrap on this machine."""
    return shutil.which("bwrap")


@functools.cache
def available() -> str | None:
    """None if tasks can be sandboxed here, else the reason as a sentence. Tried once per process."""
    if sys.platform != "linux":
        return "Tasks run without a sandbox: bubblewrap exists on Linux only."
    bwrap = program()
    if bwrap is None:
        return "Tasks run without a sandbox: bubblewrap is not installed (`apt install bubblewrap`)."
    try:
        done = subprocess.run(
            [bwrap, *base(), "--unshare-net", "--", "/bin/true"], capture_output=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return f"Tasks run without a sandbox: bubblewrap does not work here ({problem})."
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
        return f"Tasks run without a sandbox: bubblewrap does not work here ({said[-1].rstrip('.')})."
    return None


@functools.cache
def base() -> Sequence[str]:
    """The arguments that all tasks share: own namespaces, no powers, the machine's programs, read-only."""
    out = ["--unshare-user", "--uid", str(UID), "--gid", str(UID)]
    out += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent", "--new-session"]
    out += ["--cap-drop", "ALL", "--ro-bind", "/usr", "/usr"]
    for path in SYSTEM:
        if os.path.islink(path):
            out += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            out += ["--ro-bind", path, path]
    for name in ETC:
        if os.path.exists(f"/etc/{name}"):
            out += ["--ro-bind", f"/etc/{name}", f"/etc/{name}"]
    out += ["--proc", "/proc", "--dev", "/dev"]
    # Where we are root, the task's user is root for the kernel's own files, and may write to those of root's.
    for path in _KERNEL_FILES:
        out += ["--ro-bind-try", path, path]
    for path in ("/sys/devices", "/sys/class", "/sys/bus"):
        out += ["--ro-bind-try", path, path]
    out += ["--dir", "/var/tmp", "--dir", "/run", "--dir", "/opt/ml"]  # noqa: S108  # inside
    return tuple(out)


def arguments(task: Task, run: Path, toolkit: Path | None) -> Sequence[str]:
    """Bubblewrap's arguments for `task`, up to its command.

    `run` is the engine's own folder of the task, where the private /tmp and home are made; `toolkit` is the folder
    that holds `sagewright_container`.
    """
    out = []
    places = ("/", "/tmp", HOME)  # noqa: S108  # inside, where it is the task's own
    for name in FOLDERS:
        (run / name).mkdir(mode=0o700, exist_ok=True)
    out += ["--bind", str(run / "root"), "/", *base()]
    out += ["--hostname", task.hostname or task.id[:63].strip("-") or "task"]
    for name, where in list(zip(FOLDERS, places, strict=True))[1:]:
        out += ["--bind", str(run / name), where]
    out += _memory_files(task)
    etc = write_etc(task, run / "etc", task.hosts)
    for file in sorted(etc.iterdir()):
        out += ["--ro-bind", str(file), f"/etc/{file.name}"]
    if task.python is not None:
        for prefix in python_folders(task.python):
            out += ["--ro-bind", str(prefix), str(prefix)]
    if toolkit is not None:
        name = "sagewright_container"
        out += ["--ro-bind", str(toolkit / name), f"{TOOLKIT}/{name}"]
    if task.folder is not None:
        out += ["--bind", str(task.folder), "/opt/ml", "--chdir", "/opt/ml"]
    else:
        out += ["--chdir", HOME]
    for mount in task.mounts:
        out += ["--bind" if mount.writable else "--ro-bind", str(mount.source), mount.target]
    if task.network == "none" and not has_kept_network(task):
        out.append("--unshare-net")
    if syscalls.filter_program():
        out += ["--seccomp", "6"]
    if task.resources.gpus:
        out += _gpus()
    out.append("--clearenv")
    return out


def has_kept_network(task: Task) -> bool:
    """Whether the task's network is one that others are in or that leads somewhere (`networks.py`)."""
    return task.network == "platform" or (task.network == "none" and len(task.hosts) > 1)


def _memory_files(task: Task) -> list[str]:
    """Nothing can be put beside the devices, and only so much into /dev/shm: both are memory that may be uncounted."""
    size = []
    if task.resources.memory_bytes and "--size" in _known_options():
        size = ["--size", str(task.resources.memory_bytes)]
    return [*size, "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]  # noqa: S108  # inside


@functools.cache
def _known_options() -> str:
    """What this bubblewrap says about itself."""
    try:
        done = subprocess.run([program() or "bwrap", "--help"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout + done.stderr).decode(errors="replace")


def limit_processes(count: int | None) -> str:
    """The beginning of a shell script that lets its user have so many processes. Inside, the user is the task's alone.
    Shells spell it one way or the other."""
    return "" if count is None else f"{{ ulimit -u {count} || ulimit -p {count}; }} 2>/dev/null; "


def environment(task: Task, toolkit: Path | None, *, home: str = HOME, pythonpath: str = TOOLKIT) -> Mapping[str, str]:
    """The task's whole environment: what every image sets, then its own. Nothing of the server's."""
    out = {
        "HOME": home,
        "USER": USER,
        "LOGNAME": USER,
        "LANG": "C.UTF-8",
        "HOSTNAME": task.hostname or task.id,
        "PYTHONUNBUFFERED": "1",
        "GOMP_SPINCOUNT": _SPINS,
        **task.environment,
    }
    paths = [task.environment.get("PATH") or SYSTEM_PATH]
    if task.python is not None:
        out["VIRTUAL_ENV"] = str(task.python)
        paths[:0] = [str(layer / "bin") for layer in layers(task.python)]
    if toolkit is not None:
        paths.insert(-1, f"{pythonpath}/sagewright_container/bin")  # what images have and this machine may lack
        out["PYTHONPATH"] = ":".join(filter(None, [task.environment.get("PYTHONPATH"), pythonpath]))
        for name, value in _CLIENTS.items():
            out.setdefault(name, value.format(pythonpath))
    out["PATH"] = ":".join(paths)
    return out


def write_etc(task: Task, etc: Path, hosts: Mapping[str, str]) -> Path:
    """The files that name the task's user, its host and its neighbours."""
    etc.mkdir(mode=0o700, exist_ok=True)
    hostname = task.hostname or task.id
    names = {"localhost": "127.0.0.1", hostname: "127.0.0.1", **hosts}
    lines = [*(f"{address}\t{name}" for name, address in names.items()), "::1\tlocalhost ip6-localhost"]
    (etc / "hosts").write_text("\n".join(lines) + "\n")
    (etc / "hostname").write_text(hostname + "\n")
    (etc / "passwd").write_text(
        f"root:x:0:0:root:/root:/bin/sh\n{USER}:x:{UID}:{UID}::{HOME}:/bin/sh\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    )
    (etc / "group").write_text(f"root:x:0:\n{USER}:x:{UID}:\nnogroup:x:65534:\n")
    return etc


def gpu_devices() -> Sequence[str]:
    """What programs that use GPUs open."""
    return [f"/dev/{name}" for name in sorted(os.listdir("/dev")) if name.startswith(_GPU_DEVICES)]


def _gpus() -> list[str]:
    return [word for device in gpu_devices() for word in ("--dev-bind", device, device)]


def python_folders(environment: Path) -> Sequence[Path]:
    """The folders that a virtual environment needs to run: itself, the environments it is layered on, and the
    installation it was made from, outermost first. What /usr holds is left out."""
    found: list[Path] = []
    for layer in layers(environment):
        found.append(layer)
        if home := read_config(layer).get("home"):
            found += _installations(Path(home), layer / "bin" / "python")
    wanted = dict.fromkeys(path for path in found if not _in_system(path))
    return [path for path in wanted if not any(other in path.parents for other in wanted)]


def layers(environment: Path) -> Sequence[Path]:
    """The environment and those it is layered on, the uppermost first."""
    found = [environment]
    while below := read_config(found[-1]).get("extends-environment"):
        found.append(Path(below))
    return found


def read_config(environment: Path) -> dict[str, str]:
    """What `pyvenv.cfg` says; empty where there is none."""
    try:
        lines = (environment / "pyvenv.cfg").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _installations(home: Path, python: Path) -> Iterable[Path]:
    """Every prefix that the interpreter's chain of links passes through: pyenv and uv keep aliases of folders."""
    yield home.parent
    yield home.parent.resolve()
    for _ in range(16):
        if not python.is_symlink():
            return
        python = python.parent / os.readlink(python)
        yield Path(os.path.normpath(python.parent.parent))
        yield python.parent.resolve().parent


def _in_system(path: Path) -> bool:
    """Whether the sandbox has it anyway, or must never have it: a home is not shown for a Python in `~/bin`."""
    return path.is_relative_to("/usr") or str(path) in SYSTEM or Path.home().is_relative_to(path)
