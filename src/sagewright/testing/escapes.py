"""What hostile code tries from inside a task, as data: `escape_kit.py` has an engine's tasks try it.

A program is Python that runs inside, with `T` (what there would be to get, see `Targets`) and the helpers of `PRELUDE`
at hand. It calls `escaped(how)` for each thing that it got, and does nothing where it was kept from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypedDict

from sagewright.compute.base import Network

ISOLATED: Final[tuple[Network, ...]] = ("none", "platform")
ALL: Final[tuple[Network, ...]] = ("host", "platform", "none")


class Targets(TypedDict):
    """What an attempt is told, as JSON in the variable TARGETS: more than hostile code could know."""

    secret: str
    """A word that stands in each of the places that nobody may read."""
    folders: Sequence[str]
    """Host paths: another task's /opt/ml, the data folder, its keys, the engine's own folder of this task."""
    server: int
    """Process id of the server, as the host numbers it."""
    neighbour: int
    """Of a process of another task."""
    port: int
    """Where something listens on the host's loopback interface."""
    abstract: str
    """Name of an abstract Unix socket on the host."""
    given: str
    """A file inside, shown read-only."""
    environment: str
    """The Python environment inside; '' for none."""


@dataclass(frozen=True, slots=True)
class Escape:
    """An attempt."""

    name: str
    tries: str
    """What it would get, in words."""
    program: str
    networks: Sequence[Network] = ("none",)
    """With which networks it is tried."""
    needs: frozenset[str] = frozenset()
    """Abilities that an engine must declare for it to mean anything."""


PRELUDE: Final = r"""
import ctypes, errno, fcntl, glob, json, os, re, signal, socket, stat, struct, subprocess, sys
T = json.loads(os.environ.pop("TARGETS"))
LIBC = ctypes.CDLL(None, use_errno=True)
SYSCALLS = {"x86_64": 0, "aarch64": 1}[os.uname().machine]
def escaped(how): print("ESCAPED", how, flush=True)
def call(x86, arm, *arguments):
    return LIBC.syscall(ctypes.c_long((x86, arm)[SYSCALLS]), *arguments)
def content(path, size=1 << 20):
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        return os.read(fd, size)
    except OSError:
        return b""
    finally:
        os.close(fd)
def writes(path, data=b"x"):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        os.write(fd, data)
        return True
    except OSError:
        return False
    finally:
        os.close(fd)
SECRET = T["secret"].encode()
"""

ESCAPES: Final[Sequence[Escape]] = (
    Escape(
        "others-folders",
        "Another job's files, the data folder and the server's keys, by their paths on the host.",
        """
for folder in T["folders"]:
    for root in ["", *glob.glob("/proc/*/root"), *glob.glob("/proc/*/cwd")]:
        if os.path.lexists(root + folder) and not root.startswith("/proc/self"):
            if os.listdir(root + folder): escaped(root + folder)
""",
    ),
    Escape(
        "host-processes",
        "The list of the host's processes, their command lines and environments.",
        """
for entry in glob.glob("/proc/[0-9]*"):
    for name in ("environ", "cmdline", "maps", "mountinfo"):
        text = content(f"{entry}/{name}")
        if SECRET in text and name != "environ": escaped(f"{entry}/{name}")
        if re.search(rb"(SERVER|NEIGHBOUR)_SECRET=" + SECRET, text): escaped(f"{entry}/{name}")
    if b"supervisor" in content(f"{entry}/cmdline"): escaped(f"{entry} is the supervisor")
if os.path.exists(f"/proc/{T['server']}") and T["server"] > 1000: escaped("the server's process is there")
""",
    ),
    Escape(
        "server-memory",
        "The memory of the server and of other tasks: /proc/PID/mem, process_vm_readv, ptrace.",
        """
own = set(map(int, filter(str.isdigit, os.listdir("/proc"))))
for pid in {T["server"], T["neighbour"]} - own:
    if content(f"/proc/{pid}/mem", 1): escaped(f"/proc/{pid}/mem")
    if LIBC.ptrace(16, pid, 0, 0) == 0: escaped(f"ptrace of {pid}")
    buffer = ctypes.create_string_buffer(8)
    vector = struct.pack("QQ", ctypes.addressof(buffer), 8)
    if call(310, 270, pid, vector, 1, vector, 1, 0) > 0: escaped(f"process_vm_readv of {pid}")
    if call(434, 434, pid, 0) >= 0: escaped(f"pidfd of {pid}")
""",
    ),
    Escape(
        "signals",
        "Signals to the server and to other tasks' processes.",
        """
own = set(map(int, filter(str.isdigit, os.listdir("/proc"))))
for pid in {T["server"], T["neighbour"]} - own:
    try: os.kill(pid, 0); escaped(f"signal to {pid}")
    except OSError: pass
    try: os.killpg(pid, 0); escaped(f"signal to group {pid}")
    except OSError: pass
""",
    ),
    Escape(
        "inherited-descriptors",
        "Files and sockets that the server or the supervisor forgot to close.",
        """
for link in [*glob.glob("/proc/self/fd/*"), *glob.glob("/proc/1/fd/*"), *glob.glob(f"/proc/{os.getppid()}/fd/*")]:
    try: leads = os.readlink(link)
    except OSError: continue
    if leads == "/.sagewright/log": continue  # a container's own output
    harmless = leads.startswith(("pipe:", "/dev/null", "/proc", "anon_inode:[eventfd]", "anon_inode:[signalfd]"))
    if not harmless: escaped(f"{link} -> {leads}")
""",
    ),
    Escape(
        "loopback-services",
        "What listens on the host: the server's own ports, databases, other users' programs.",
        """
for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0"):
    try: socket.create_connection((host, T["port"]), timeout=2); escaped(f"{host}:{T['port']}")
    except OSError: pass
listening = [line.split() for name in ("tcp", "tcp6") for line in open(f"/proc/net/{name}").read().splitlines()[1:]]
for words in listening:
    if int(words[1].rpartition(":")[2], 16) == T["port"]: escaped(f"it is listed: {words[1]}")
""",
        networks=ISOLATED,
        needs=frozenset({"network"}),
    ),
    Escape(
        "abstract-sockets",
        "Abstract Unix sockets of the host: a desktop's, a container runtime's.",
        """
try:
    with socket.socket(socket.AF_UNIX) as sock: sock.connect("\\0" + T["abstract"]); escaped("connected")
except OSError: pass
if T["abstract"] in open("/proc/net/unix").read(): escaped("it is listed")
""",
        networks=ISOLATED,
        needs=frozenset({"network"}),
    ),
    Escape(
        "way-out",
        "Other machines: a name server, the internet, the cloud's metadata with the host's own role, multicast.",
        """
addresses = [("1.1.1.1", 53), ("8.8.8.8", 443), ("10.0.0.1", 80), ("192.168.0.1", 80), ("172.17.0.1", 80)]
if os.environ["NETWORK"] == "none": addresses.append(("169.254.169.254", 80))
for address in [*addresses, ("169.254.170.2", 80)]:
    try: socket.create_connection(address, timeout=1); escaped(str(address))
    except OSError: pass
    try: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", address); escaped(f"datagram to {address}")
    except OSError: pass
links = [line.split(":")[0].strip() for line in open("/proc/net/dev").read().splitlines()[2:]]
if links != ["lo"]: escaped(f"interfaces {links}")
""",
        networks=ISOLATED,
        needs=frozenset({"network"}),
    ),
    Escape(
        "odd-sockets",
        "Ways out that no network namespace holds: the hypervisor's sockets; raw packets, the kernel's ciphers.",
        """
for family, kind in ((40, 1), (40, 2), (17, 3), (38, 5), (21, 5), (2, 3), (15, 3)):
    try: socket.socket(family, kind); escaped(f"a socket of family {family}, type {kind}")
    except OSError: pass
""",
        networks=ALL,
        needs=frozenset({"network"}),
    ),
    Escape(
        "write-inputs",
        "An input changed in the store: opened anew for writing, by links, modes, times, mappings, another mount.",
        """
given = T["given"]
before = content(given)
reader = os.open(given, os.O_RDONLY)
for path in (given, f"/proc/self/fd/{reader}", f"/proc/self/root{given}"):
    if writes(path): escaped(f"written by {path}")
for change in (
    lambda: os.chmod(given, 0o777), lambda: os.truncate(given, 0), lambda: os.utime(given, (1, 1)),
    lambda: os.unlink(given), lambda: os.rename(given, given + "x"), lambda: os.setxattr(given, "user.x", b"x"),
    lambda: os.ftruncate(reader, 0), lambda: os.fchmod(reader, 0o777),
):
    try: change(); escaped("changed")
    except OSError: pass
for target in ("/opt/ml/model/linked", "/tmp/linked", os.path.dirname(given) + "/linked"):
    try:
        os.link(given, target)
        if writes(target): escaped(f"written by the link {target}")
    except OSError: pass
folder = os.path.dirname(given)
if LIBC.mount(b"none", folder.encode(), b"", 32 | 4096, b"") == 0: escaped("mounted anew")
if LIBC.umount2(folder.encode(), 2) == 0: escaped("unmounted")
if content(given) != before: escaped("it has other content")
""",
        needs=frozenset({"mounts"}),
    ),
    Escape(
        "write-system",
        "Programs that other tasks run: the system's, the Python environment's, the toolkit's.",
        """
places = ["/usr/bin", "/usr/lib", "/bin", "/etc/ssl", "/opt/sagewright/sagewright_container"]
if T["environment"]: places += [T["environment"], T["environment"] + "/bin"]
for place in filter(os.path.isdir, places):
    try:
        os.close(os.open(f"{place}/escaped", os.O_CREAT | os.O_WRONLY)); os.unlink(f"{place}/escaped"); escaped(place)
    except OSError: pass
for path in ("/usr/bin/env", "/etc/passwd", "/etc/hosts", "/etc/ld.so.cache"):
    if writes(path): escaped(path)
""",
        networks=("none", "host"),
    ),
    Escape(
        "powers",
        "Root's powers: programs that run as root, capabilities, a way to become another user.",
        """
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
    if int(status[name], 16): escaped(f"{name} is {status[name]}")
if int(status["NoNewPrivs"]) != 1: escaped("programs may give new powers")
root = (lambda: os.setuid(0), lambda: os.setgid(0))
for change in (*root, lambda: os.setgroups([0]), lambda: os.chroot("/tmp"),
               lambda: os.nice(-20), lambda: os.sethostname("x") if hasattr(os, "sethostname") else 1 / 0):
    # In a container it may be root already, without any power.
    if os.getuid() == 0 and change in root: continue
    try: change(); escaped("it may")
    except (OSError, ZeroDivisionError): pass
if os.path.exists("/bin/su") and os.getuid():
    su = subprocess.run(["su", "-c", "id -u"], stdin=subprocess.DEVNULL, capture_output=True)
    if su.stdout.strip() == b"0": escaped("su")
shell = "/tmp/shell"
try:
    with open(shell, "wb") as file: file.write(open("/bin/sh", "rb").read())
    os.chmod(shell, 0o6755)
    done = subprocess.run([shell, "-p", "-c", "id -u"], capture_output=True)
    if done.stdout.strip() == b"0" and os.getuid(): escaped("a shell of root's")
except OSError: pass
""",
    ),
    Escape(
        "new-namespaces",
        "Powers in a user namespace of one's own: unshare, clone, clone3, setns.",
        """
USER, MOUNT = 0x10000000, 0x00020000
for flags in (USER, USER | MOUNT, MOUNT, 0x40000000):
    child = os.fork()
    if child == 0: os._exit(1 if LIBC.unshare(flags) == 0 else 0)
    if os.waitpid(child, 0)[1]: escaped(f"unshare({flags:#x})")
for flags in (USER | 17, USER | MOUNT | 17):
    child = call(56, 220, flags, 0, 0, 0, 0)
    if child == 0: os._exit(0)
    if child > 0: escaped(f"clone({flags:#x})"); os.waitpid(child, 0)
arguments = struct.pack("=8Q", USER, 0, 0, 0, 17, 0, 0, 0)
child = call(435, 435, arguments, len(arguments))
if child == 0: os._exit(0)
if child > 0: escaped("clone3"); os.waitpid(child, 0)
for link in glob.glob("/proc/1/ns/*"):
    try: fd = os.open(link, os.O_RDONLY)
    except OSError: continue
    if LIBC.setns(fd, 0) == 0: escaped(f"setns({link})")
""",
        needs=frozenset({"isolation"}),
    ),
    Escape(
        "mounts",
        "A view of the host's files: mounts, handles, the root of other processes, a way out of the folder.",
        """
for source, kind in ((b"proc", b"proc"), (b"sysfs", b"sysfs"), (b"tmpfs", b"tmpfs"), (b"cgroup2", b"cgroup2")):
    if LIBC.mount(source, b"/tmp", kind, 0, b"") == 0: escaped(f"mounted {kind}")
if LIBC.mount(b"/", b"/tmp", b"", 4096, b"") == 0: escaped("bound /")
if call(428, 428, -100, b"/", 1) >= 0: escaped("open_tree")
if call(430, 430, b"proc", 0) >= 0: escaped("fsopen")
handle = ctypes.create_string_buffer(struct.pack("=IiQ", 8, 1, 2) + bytes(64))
root = os.open("/opt/ml", os.O_RDONLY)
if call(304, 265, root, handle, 0) >= 0: escaped("open_by_handle_at")
up = "/opt/ml/" + "../" * 40
if SECRET in b"".join(content(f"{up}{folder}/secret") for folder in T["folders"]): escaped("by ../")
""",
        needs=frozenset({"isolation"}),
    ),
    Escape(
        "terminal",
        "Words typed into the terminal that the server was started from (TIOCSTI).",
        """
for path in ("/dev/tty", "/dev/console", "/dev/tty0", *glob.glob("/dev/pts/[0-9]*")):
    try: fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    except OSError: continue
    if path != "/dev/console" or os.isatty(fd): escaped(f"{path} can be opened")
pair = os.openpty()
for fd in (0, 1, 2, *pair):
    for request in (0x5412, 0x541C):
        try: fcntl.ioctl(fd, request, b"x"); escaped(f"ioctl {request:#x} on {fd}")
        except OSError: pass
try: os.tcgetpgrp(0); escaped("it has a terminal")
except OSError: pass
""",
        needs=frozenset({"isolation"}),
    ),
    Escape(
        "kernel-settings",
        "The machine's own settings: /proc/sys, /sys, control groups, the log, sysrq.",
        """
seen, null = 0, os.stat("/dev/null").st_rdev
for top in ("/proc", "/sys"):
    for root, folders, names in os.walk(top):
        if root == "/proc": folders[:] = [name for name in folders if not name.isdigit()]
        for name in names:
            seen += 1
            if os.path.exists(f"{root}/{name}") and os.stat(f"{root}/{name}").st_rdev == null: continue  # it is masked
            try: os.close(os.open(f"{root}/{name}", os.O_WRONLY | os.O_NONBLOCK)); escaped(f"{root}/{name}")
            except OSError: pass
if seen < 100: escaped(f"only {seen} were looked at")
for path in ("/proc/kcore", "/proc/kmsg", "/dev/kmsg", "/dev/mem", "/dev/port"):
    if content(path, 16): escaped(path)
if LIBC.klogctl(3, ctypes.create_string_buffer(64), 64) > 0: escaped("the kernel's log")
""",
        needs=frozenset({"isolation"}),
    ),
    Escape(
        "keyrings",
        "Secrets that somebody keeps in the kernel's keyrings, which know no namespaces.",
        """
for ring in (-1, -2, -3, -4, -5):
    buffer = ctypes.create_string_buffer(4096)
    if call(250, 219, 11, ring, buffer, 4096) >= 0: escaped(f"keyring {ring} was read")
if call(248, 217, b"user", b"escape", b"x", 1, -4) >= 0: escaped("a key was added")
""",
        needs=frozenset({"isolation"}),
    ),
    Escape(
        "kernel-interfaces",
        "Large parts of the kernel that no job needs: bpf, perf_event_open, userfaultfd, io_uring.",
        """
attributes = ctypes.create_string_buffer(128)
if call(321, 280, 0, attributes, 128) >= 0: escaped("bpf")
struct.pack_into("=II", attributes, 0, 1, 128)
if call(298, 241, attributes, 0, -1, -1, 0) >= 0: escaped("perf_event_open")
if call(323, 282, 1) >= 0: escaped("userfaultfd")
if call(425, 425, 8, ctypes.create_string_buffer(256)) >= 0: escaped("io_uring")
""",
        needs=frozenset({"isolation"}),
    ),
    Escape(
        "devices",
        "The machine's disks and memory, as device nodes: those that are there, and new ones.",
        """
plain = {"null", "zero", "full", "random", "urandom", "tty", "console", "ptmx", "fuse"}
for root, _, names in os.walk("/dev"):
    for name in names:
        found = os.lstat(f"{root}/{name}")
        device = stat.S_ISBLK(found.st_mode) or stat.S_ISCHR(found.st_mode)
        known = name in plain or name.startswith(("nvidia", "card", "render", "kfd"))
        if device and not known: escaped(f"{root}/{name}")
for kind, major, minor in ((stat.S_IFBLK, 8, 0), (stat.S_IFBLK, 254, 0), (stat.S_IFCHR, 1, 1)):
    for place in ("/opt/ml/model/device", "/tmp/device", "/dev/device"):
        try: os.mknod(place, kind | 0o600, os.makedev(major, minor)); escaped(place)
        except OSError: pass
""",
        needs=frozenset({"isolation"}),
    ),
    Escape(
        "engine-files",
        "The engine's own files of this task: the lock, the log, how it is to be said to have ended.",
        """
for root, folders, names in os.walk("/"):
    if root == "/": folders[:] = [name for name in folders if name not in ("proc", "sys", "usr", "dev")]
    for name in names:
        if name in ("claimed", "control", "supervisor.log", "about", "result") and "site-packages" not in root:
            escaped(f"{root}/{name}")
""",
    ),
)
"""Those that can be tried one after the other in one task."""


@dataclass(frozen=True, slots=True)
class Bomb:
    """An attempt to take what others need: it has a task to itself, beside one that must go on answering."""

    name: str
    tries: str
    program: str
    needs: frozenset[str] = frozenset()
    ends: Literal["out of memory", "out of disk", "any"] = "any"


_FILL: Final = """
import os, time
data = bytes(1 << 20)
try:
    for number in range(600):
        with open(f"{%r}/fill-{number}", "wb") as file: file.write(data)
except OSError as problem:
    print("refused", problem.errno, flush=True)
time.sleep(600)
"""

BOMBS: Final[Sequence[Bomb]] = (
    Bomb(
        "fork-bomb",
        "Processes until the machine has none left.",
        """
import os, time
made = 0
try:
    while made < 2000:
        if os.fork() == 0: time.sleep(600)
        made += 1
except OSError: print("refused after", made, flush=True)
if made >= 2000: print("ESCAPED", made, "processes", flush=True)
""",
        needs=frozenset({"processes limit"}),
    ),
    Bomb(
        "memory-bomb",
        "Memory until the machine has none left.",
        """
import mmap
kept = [bytearray(b"x" * (8 << 20)) for _ in range(100)]
print("ESCAPED", len(kept), flush=True)
""",
        ends="out of memory",
    ),
    Bomb(
        "memory-files",
        "The same by files in memory.",
        """
try:
    for number in range(800):
        with open(f"/dev/shm/{number}", "wb") as file: file.write(bytes(1 << 20))
    print("ESCAPED 800 MiB of shared memory", flush=True)
except OSError as problem: print("refused", problem.errno, flush=True); raise SystemExit(1)
""",
        ends="out of memory",
    ),
    *(
        Bomb(
            f"disk-fill{place.replace('/', '-')}",
            f"The disk, by files in {place}.",
            _FILL % place,
            needs=frozenset({"disk"}),
            ends="out of disk",
        )
        for place in ("/opt/ml/model", "/tmp", "/home/sagemaker-user", "/var/tmp", "/run")  # noqa: S108  # inside
    ),
    Bomb(
        "disk-fill-without-a-name",
        "The disk, by a file that has no name any more.",
        """
import os, time
files = []
for number in range(20):
    fd = os.open(f"/opt/ml/gone-{number}", os.O_CREAT | os.O_RDWR)
    os.unlink(f"/opt/ml/gone-{number}")
    for _ in range(30): os.write(fd, bytes(1 << 20))
    files.append(fd)
time.sleep(600)
""",
        ends="out of disk",
        needs=frozenset({"disk"}),
    ),
    Bomb(
        "disk-fill-mapped",
        "The disk, by files without a name that are mapped into memory and not open.",
        """
import mmap, os, time
kept = []
for number in range(20):
    with open("/opt/ml/mapped", "wb+") as file:
        file.write(bytes(30 << 20)); file.flush()
        kept.append(mmap.mmap(file.fileno(), 30 << 20))
    os.unlink("/opt/ml/mapped")
    os.closerange(3, 100)
time.sleep(600)
""",
        ends="out of disk",
        needs=frozenset({"disk"}),
    ),
    Bomb(
        "disk-fill-deep-below",
        "The disk, by files so deep that nobody can name them.",
        """
import os, time
os.chdir("/opt/ml/model")
for _ in range(60):
    os.mkdir("d" * 200); os.chdir("d" * 200)
with open("file", "wb") as file: file.write(bytes(40 << 20))
time.sleep(600)
""",
        ends="out of disk",
        needs=frozenset({"disk"}),
    ),
    Bomb(
        "disk-fill-hidden",
        "The disk, in a folder that nobody may list.",
        """
import os, time
os.mkdir("/opt/ml/hidden"); os.chdir("/opt/ml/hidden"); os.chmod(".", 0o300)
for number in range(600):
    with open(str(number), "wb") as file: file.write(bytes(1 << 20))
time.sleep(600)
""",
        ends="out of disk",
        needs=frozenset({"disk"}),
    ),
    Bomb(
        "many-empty-files",
        "The disk's room for files, by empty ones.",
        """
import os, time
for number in range(8000): os.close(os.open(f"/opt/ml/{number}", os.O_CREAT))
time.sleep(600)
""",
        ends="out of disk",
        needs=frozenset({"disk"}),
    ),
    Bomb(
        "log-flood",
        "The disk, by what it prints.",
        """
import time
for _ in range(600): print("x" * (1 << 18)); time.sleep(0.001)
time.sleep(600)
""",
        ends="out of disk",
        needs=frozenset({"disk"}),
    ),
    Bomb(
        "one-large-file",
        "The disk, by one file.",
        """
import os
try: os.posix_fallocate(os.open("/opt/ml/large", os.O_CREAT | os.O_RDWR), 0, 1 << 40); print("ESCAPED", flush=True)
except OSError as problem: print("refused", problem.errno, flush=True)
""",
        needs=frozenset({"disk"}),
    ),
    Bomb(
        "kill-everything",
        "All processes that a signal reaches.",
        "import os; os.kill(-1, 9); os.kill(1, 9); os.kill(0, 9)",
    ),
)
