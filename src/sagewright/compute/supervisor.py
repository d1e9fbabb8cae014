"""Looks after one task, alone: `python -I -S supervisor.py <run folder>`, started by `process.ProcessEngine`.

It outlives the server. It holds the task's lock for as long as it lives, so whoever can take the lock knows that
it is gone. Every import here is paid before a task's first line, so there are few, and all are built in.

File descriptors it is given:
    0   the launch order, written by `process.py` with marshal: it holds secrets, so it has no name on disk
    1   2   `supervisor.log`, where its own failures go
    3   the lock, held
    4   the control FIFO, open both ways: each line asks for a stop, and is the grace in seconds
    5   bubblewrap's arguments when the order says `sandboxed` (they hold the environment)
    6   the system calls that a sandboxed task may not make, as bubblewrap takes them
    7   8   9   where the task has a network of its own: its user namespace, its network namespace, and a connection to
        their keeper, which keeps both for as long as it is open (see `keeper.py`)

A sandboxed task is in a process namespace that dies with this process: bubblewrap is its first process, is killed by
the kernel when we go, and everything in the namespace with it. So at no moment could a task be left over.
"""

import _signal as signal  # type: ignore[import-not-found]  # `signal` itself imports enum: 2 ms
import errno
import fcntl
import marshal
import os
import select
import stat
import sys
import time

# ruff: noqa: SIM105  # contextlib would cost an import

TYPE_CHECKING = False  # type checkers know the name; `typing` itself would cost 10 ms
if TYPE_CHECKING:
    import ctypes
    from typing import TypedDict

    class Order(TypedDict):
        """What to run. Strings are bytes, as the system takes them."""

        argv: list[bytes]
        environment: dict[bytes, bytes]
        cwd: bytes
        sandboxed: bool
        networked: bool
        """Whether 7, 8 and 9 are given."""
        cgroups: list[str]
        """Folders of the control groups that the task joins."""
        data_limit: int
        """RLIMIT_DATA of each of its processes in bytes; 0 for none."""
        disk_limit: int
        """Bytes that the files in `disk_folders` may take together; 0 for no limit."""
        disk_folders: list[bytes]
        file_limit: int
        """RLIMIT_FSIZE of each of its processes in bytes; 0 for none."""


LOCK, CONTROL, SANDBOX_ARGS, FILTER, USER_NAMESPACE, NETWORK_NAMESPACE, KEEPER = range(3, 10)
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
LONGEST_LINE = 256 * 1024
READ = 1 << 16
BYTES_PER_FILE = 16384
"""A volume has room for one file for so many bytes, as the usual file system is made."""
GRACE_OF_SIGTERM = 10
"""Seconds the task gets when the supervisor itself is asked to end: the machine is going down."""


class Log:
    """The task's lines, each written whole as `<epoch milliseconds> <bytes>` and a newline."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._rest = b""
        self._last = 0

    def feed(self, data: bytes) -> None:
        """Write the lines that `data` ends; keep what has no newline yet, unless it grew too long."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        while len(self._rest) > LONGEST_LINE:
            lines.append(self._rest[:LONGEST_LINE])
            self._rest = self._rest[LONGEST_LINE:]
        self._write(lines)

    def finish(self) -> None:
        """Write the last piece; on return every line is on disk."""
        if self._rest:
            self._write([self._rest])
            self._rest = b""
        try:
            os.fsync(self._fd)
        except OSError:
            complain("the log could not be flushed")

    def _write(self, lines: list[bytes]) -> None:
        if not lines:
            return
        # The clock may be set back; a log's times never go back.
        self._last = max(self._last, int(time.time() * 1000))
        stamp = b"%d " % self._last
        out = b"".join([piece for line in lines for piece in (stamp, line, b"\n")])
        try:
            while out:
                out = out[os.write(self._fd, out) :]
        except OSError:
            # A full disk must not kill the task, which may be about to free some.
            complain("log lines were lost")


def graces() -> "list[float]":
    """The stops that were asked for since: how many seconds each leaves."""
    found = []
    for line in os.read(CONTROL, 4096).split():
        try:
            found.append(float(line))
        except ValueError:
            complain("a stop request could not be read")
    return found


class Supervisor:
    """One task, from its claim to its result."""

    def __init__(self, folder: str, order: "Order") -> None:
        self._folder = folder
        self._order = order
        self._log = Log(folder + "/log")
        self._started = time.time()
        self._deadline: float | None = None
        self._asked = False
        self._signalled = False
        self._killed = False
        self._child = 0
        self._output = -1
        self._disk = Disk(order["disk_folders"], order["disk_limit"])

    def run(self) -> None:
        """Start the task, see it to its end, write the result."""
        self._launch()
        status = self._see_to_the_end()
        if not self._order["sandboxed"]:
            self._clear_away()
        self._drain()
        self._log.finish()
        self._write_result(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
        for group in self._order["cgroups"]:
            remove_group(group)

    def _launch(self) -> None:
        self._output, theirs = os.pipe()
        os.set_blocking(self._output, False)
        if self._order["sandboxed"]:
            enter_namespaces(self._order["networked"])
        else:
            adopt_orphans()
        ours, lifeline = os.pipe()  # which ends when we do
        # A stop may come before the child has let go of our handlers: it is to find the task's, not ours.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        self._child = os.fork()
        if self._child == 0:
            try:
                os.close(lifeline)
                become(self._order, theirs, ours)
            except BaseException as problem:  # noqa: BLE001  # nothing may get past the fork
                os.write(2, f"could not be started: {problem}\n".encode(errors="replace"))
            finally:
                os._exit(127)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        os.close(theirs)
        os.close(ours)
        if self._order["sandboxed"]:
            os.close(SANDBOX_ARGS)
            os.close(FILTER)

    def _see_to_the_end(self) -> int:
        """Wait for the task, moving its output and heeding stops. Returns its wait status."""
        poll = select.poll()
        poll.register(self._output, select.POLLIN)
        poll.register(CONTROL, select.POLLIN)
        ended = watch_end(poll, self._child)
        while True:
            ready = dict(poll.poll(self._patience(ended)))
            if self._output in ready and not self._move_output():
                poll.unregister(self._output)
            if CONTROL in ready:
                self._read_control()
            status = self._reap()
            if status is not None:
                return status
            if not self._killed and self._disk.is_full(self._child):
                self._ask(0)
            self._press()

    def _reap(self) -> int | None:
        """Collect whoever ended, adopted orphans too. The task's wait status once it is among them."""
        found = None
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return found
            if not pid:
                return found
            if pid == self._child:
                found = status

    def _clear_away(self) -> None:
        """End what the task left behind. (In the sandbox everything dies with its first process.)"""
        for _ in range(100):
            left = descendants(os.getpid())
            if not left:
                return
            kill_all(left)
            time.sleep(0.005)
            self._reap()

    def _patience(self, ended: int) -> float | None:
        """Milliseconds to wait before looking again; None for as long as nothing happens."""
        if self._asked and not self._signalled:
            return 2
        if self._killed or ended < 0:
            return 20
        left = [when - time.monotonic() for when in (self._deadline, self._disk.next_look) if when is not None]
        return max(0.0, min(left) * 1000 + 1) if left else None

    def _move_output(self) -> bool:
        """Read once. False when nobody can write any more."""
        try:
            data = os.read(self._output, READ)
        except BlockingIOError:
            return True
        self._log.feed(data)
        return bool(data)

    def _drain(self) -> None:
        """What is still in the pipe. Nobody is left who could write, or nobody we wait for."""
        for _ in range(64):
            try:
                data = os.read(self._output, READ)
            except BlockingIOError:
                return
            if not data:
                return
            self._log.feed(data)

    def _read_control(self) -> None:
        for grace in graces():
            self._ask(grace)

    def _ask(self, grace: float) -> None:
        deadline = time.monotonic() + grace
        self._deadline = deadline if self._deadline is None else min(self._deadline, deadline)
        self._asked = True

    def _press(self) -> None:
        """Signal as far as the stop has come."""
        if not self._asked or self._deadline is None:
            return
        if not self._signalled:
            main = main_process(self._child) if self._order["sandboxed"] else self._child
            if main:
                self._signalled = send(main, 15)
        if time.monotonic() >= self._deadline:
            self._signalled = self._killed = True
            everything = [*descendants(self._child), self._child]
            kill_all(everything if self._order["sandboxed"] else descendants(os.getpid()) or everything)

    def _write_result(self, code: int) -> None:
        oom = code != 0 and any(kills(group) for group in self._order["cgroups"])
        text = (
            f'{{"exit_code": {code}, "out_of_memory": {"true" if oom else "false"}, '
            f'"out_of_disk": {"true" if code and self._disk.full else "false"}, '
            f'"started": {self._started!r}, "ended": {time.time()!r}}}\n'
        )
        while True:
            try:
                write_durably(self._folder, "result", text.encode())
            except FileNotFoundError:
                return  # destroyed under us
            except OSError as problem:
                complain(f"the result cannot be written yet: {problem}")
                time.sleep(1)
            else:
                return


class Disk:
    """What a task's files take. Looked at from time to time, the more seldom the longer a look takes."""

    def __init__(self, folders: list[bytes], limit: int) -> None:
        self._folders = folders
        self._limit = limit
        self.full = False
        self.next_look = time.monotonic() + 0.2 if limit else None

    def is_full(self, child: int) -> bool:
        """Whether there is more than may be. `child`: whose processes are the task's."""
        now = time.monotonic()
        if self.next_look is None or now < self.next_look:
            return self.full
        self.full = self._taken(child) > self._limit
        after = time.monotonic()
        self.next_look = after + max(0.5, 20 * (after - now))
        return self.full

    def _taken(self, child: int) -> int:
        seen: set[tuple[int, int]] = set()
        taken = count = 0
        queue = list(self._folders)
        devices = [os.stat(folder).st_dev for folder in self._folders if os.path.isdir(folder)]
        while queue:
            try:
                with os.scandir(queue.pop()) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            queue.append(entry.path)
                        count += 1
                        taken += blocks(entry.stat(follow_symlinks=False), seen)
            except OSError as problem:
                if problem.errno == errno.ENAMETOOLONG:
                    return self._limit + 1  # so deep that nothing can be counted there: nobody's honest work
                continue  # it was removed meanwhile
        # What has no name any more takes room until nobody holds it.
        pids = [child, *descendants(child)]
        for status in open_files(pids):
            if not status.st_nlink and status.st_dev in devices and stat.S_ISREG(status.st_mode):
                taken += blocks(status, seen)
        return max(taken + mapped_only(pids), count * BYTES_PER_FILE)


def blocks(status: os.stat_result, seen: "set[tuple[int, int]]") -> int:
    """Bytes that a file takes, counted once however many names it has."""
    if status.st_nlink != 1:
        if (status.st_dev, status.st_ino) in seen:
            return 0
        seen.add((status.st_dev, status.st_ino))
    return status.st_blocks * 512


def open_files(pids: list[int]) -> "list[os.stat_result]":
    found = []
    for pid in pids:
        try:
            names = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue
        for name in names:
            try:
                found.append(os.stat(f"/proc/{pid}/fd/{name}"))
            except OSError:
                pass
    return found


def mapped_only(pids: list[int]) -> int:
    """Bytes of files on disk that have no name any more and are mapped into memory."""
    found: set[tuple[bytes, bytes, bytes]] = set()
    for pid in pids:
        try:
            with open(f"/proc/{pid}/maps", "rb") as file:
                lines = file.read().splitlines()
        except OSError:
            continue
        for line in lines:
            words = line.split(None, 5)
            if line.endswith(b"(deleted)") and not words[5].startswith((b"/memfd:", b"/dev/", b"/SYSV")):
                found.add((words[3] + words[4], words[2], words[0]))
    spans = [span.split(b"-") for _, _, span in found]
    return sum(int(end, 16) - int(start, 16) for start, end in spans)


def on_sigterm(number: int, _frame: object) -> None:
    """Ask as anybody would: that also wakes the poll, which a signal alone does not."""
    os.write(CONTROL, b"%d\n" % GRACE_OF_SIGTERM)


def enter_namespaces(networked: bool) -> None:
    """Have our next child be the first process of a namespace of its own, in the network that we were given. Where no
    process namespace can be had, bubblewrap's own care is all there is."""
    for fd, kind in ((USER_NAMESPACE, CLONE_NEWUSER), (NETWORK_NAMESPACE, CLONE_NEWNET)) if networked else ():
        if libc().setns(fd, kind):
            # The task would have another network than it may: rather no task at all.
            complain("the task's network could not be entered")
            os._exit(1)
        os.close(fd)
    if libc().unshare(CLONE_NEWPID) == 0:
        return
    uid, gid = os.geteuid(), os.getegid()
    if libc().unshare(CLONE_NEWUSER | CLONE_NEWPID):
        complain("no process namespace can be made")
        return
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def become(order: "Order", output: int, lifeline: int) -> None:
    """In the child: turn into the task. `lifeline` is at its end when the supervisor has gone."""
    for group in order["cgroups"]:
        with open(group + "/cgroup.procs", "w") as procs:
            procs.write("0")
    if order["data_limit"]:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (order["data_limit"], order["data_limit"]))
    if order["file_limit"]:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_limit"], order["file_limit"]))
    die_with(lifeline)
    prefer_me_when_memory_runs_out()
    for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.setsid()
    os.chdir(order["cwd"])
    os.dup2(output, 1)
    os.dup2(output, 2)
    if order["sandboxed"]:
        os.set_inheritable(SANDBOX_ARGS, True)
        os.set_inheritable(FILTER, True)
    no_core_files()
    try:
        os.execvpe(order["argv"][0], order["argv"], order["environment"])  # noqa: S606  # no shell is wanted
    except FileNotFoundError:
        os.write(2, b"exec: " + order["argv"][0] + b": not found\n")
        os._exit(127)
    except OSError as problem:
        os.write(2, b"exec: " + order["argv"][0] + b": " + str(problem.strerror).encode() + b"\n")
        os._exit(126)


def no_core_files() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def prefer_me_when_memory_runs_out() -> None:
    """The task goes before the server and the supervisors."""
    try:
        with open("/proc/self/oom_score_adj", "w") as score:
            score.write("500")
    except OSError:
        pass  # no such knob here


def libc() -> "ctypes.CDLL":
    import ctypes

    return ctypes.CDLL(None)


def prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        libc().prctl(option, value, 0, 0, 0)


def die_with(lifeline: int) -> None:
    """With the supervisor, also if it has just gone."""
    prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
    if select.select([lifeline], [], [], 0)[0]:
        os._exit(137)


def adopt_orphans() -> None:
    prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: what the task leaves behind stays findable


def watch_end(poll: "select.poll", pid: int) -> int:
    """Have `poll` wake when the child ends. -1 where the system has no way to: then look from time to time."""
    try:
        fd = os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1
    poll.register(fd, select.POLLIN)
    return fd


def children() -> dict[int, list[tuple[int, int]]]:
    """Of every process on the machine: its children as (start time, pid), eldest first."""
    found: dict[int, list[tuple[int, int]]] = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return found
    for name in names:
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        found.setdefault(int(fields[1]), []).append((int(fields[19]), int(name)))
    for some in found.values():
        some.sort()
    return found


def main_process(bwrap: int) -> int:
    """The task's own first process: bubblewrap keeps one outside, and one inside as pid 1. 0 while there is none."""
    tree = children()
    init = tree.get(bwrap)
    main = tree.get(init[0][1]) if init else None
    return main[0][1] if main else 0


def descendants(pid: int) -> list[int]:
    """Everything below `pid`, itself not."""
    tree = children()
    found: list[int] = []
    queue = [pid]
    while queue:
        below = [child for _, child in tree.get(queue.pop(), [])]
        found += below
        queue += below
    return found


def kill_all(pids: list[int]) -> None:
    for pid in pids:
        send(pid, 9)


def send(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except OSError:
        return False
    return True


def kills(group: str) -> bool:
    """Whether the kernel killed something in this control group for its memory."""
    for name in ("memory.events", "memory.oom_control"):  # version 2, version 1
        try:
            with open(f"{group}/{name}") as file:
                words = file.read().split()
        except OSError:
            continue
        if "oom_kill" in words:
            return int(words[words.index("oom_kill") + 1]) > 0
    return False


def remove_group(group: str) -> None:
    try:
        os.rmdir(group)
    except OSError:
        complain(f"the control group {group} stays for now")  # `destroy` tries again


def write_durably(folder: str, name: str, data: bytes) -> None:
    """All of it or nothing, also after a power cut."""
    temporary = f"{folder}/.{name}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(temporary, f"{folder}/{name}")
    sync_folder(folder)


def sync_folder(folder: str) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def claim(folder: str) -> bool:
    """Take the task, once and for all. False when it was taken before."""
    try:
        fd = os.open(f"{folder}/claimed", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return False
    os.write(fd, b"%r\n" % time.time())
    os.fsync(fd)
    os.close(fd)
    sync_folder(folder)
    return True


def complain(text: str) -> None:
    try:
        os.write(2, f"{time.time():.3f} {text}\n".encode())
    except OSError:
        pass  # the disk is full: there is nowhere left to say it


def main() -> None:
    folder = sys.argv[1]
    try:
        os.setsid()
    except PermissionError:
        pass  # whoever started it has seen to that
    for fd in range(LOCK, KEEPER + 1):
        try:
            os.set_inheritable(fd, False)
        except OSError:
            pass  # no sandbox, no arguments for it; no network of its own
    signal.signal(signal.SIGTERM, on_sigterm)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    fcntl.flock(LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held already; proves that the descriptor is the lock's
    with open(0, "rb", closefd=False) as file:
        order: Order = marshal.loads(file.read())  # noqa: S302  # from our own parent
    os.dup2(os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC), 0)  # the secrets go with their last descriptor
    if claim(folder):
        Supervisor(folder, order).run()


if __name__ == "__main__":
    main()
    os._exit(0)
