"""The file system that shows a pile: `python -I -S mounted.py PILE POINT`, with /dev/fuse as its standard input.

Started by `mounting.py`; ends when it is unmounted, and unmounts itself when the pile was deleted. It reads the pile's
index (see `keeping.Pile`) as it grows: what is asked about a file that is not there yet waits until it is, or until the
index has ended. Nothing it shows ever changes, so the kernel may keep all it was told. Read-only: there is no code that
writes.

The protocol is the kernel's (linux/fuse.h), in the machine's byte order.
"""

import os
import select
import struct
import sys
from array import array

LOOKUP, FORGET, GETATTR, READ, STATFS, INIT, READDIR = 1, 2, 3, 15, 17, 26, 28
INTERRUPT, DESTROY, BATCH_FORGET, READDIRPLUS = 36, 38, 42, 44
UNANSWERED = frozenset({FORGET, INTERRUPT, DESTROY, BATCH_FORGET})
ENOENT, EIO, ENOTDIR, EISDIR, ENOSYS, ENODEV, EINTR, EAGAIN = 2, 5, 20, 21, 38, 19, 4, 11

HEADER = struct.Struct("<IIQQIIIHH")  # length, opcode, unique, node, uid, gid, pid, …
ANSWER = struct.Struct("<IiQ")  # length, error, unique
ATTRIBUTES = struct.Struct("<QQQQQQIIIIIIIIII")
ENTRY = struct.Struct("<QQQQII")  # node, generation, seconds that entry and attributes hold, their nanoseconds
HOLDS = struct.Struct("<QII")  # seconds that attributes hold, nanoseconds, …
READ_ASKED = struct.Struct("<QQI")  # handle, offset, size
NAME = struct.Struct("<QQII")  # inode, where the next begins, length of the name, type
INIT_ANSWER = struct.Struct("<IIIIHHIIHHII24x")
STATISTICS = struct.Struct("<QQQQQIIII24x")

MAJOR, MINOR = 7, 31
ASYNC_READ, BIG_READDIR, AUTO_READDIR, PARALLEL, MAX_PAGES, CACHE_LINKS = 1, 1 << 13, 1 << 14, 1 << 18, 1 << 22, 1 << 23
WANTED = ASYNC_READ | BIG_READDIR | AUTO_READDIR | PARALLEL | MAX_PAGES
PAGES = 256
FOR_EVER = 1 << 30
REQUEST = 1 << 17
LINES_AT_ONCE = 2000
SOON, IDLE = 2, 2000  # milliseconds until the index is looked at again
OPEN_FILES = 64
PER_FOLDER = 1024
ROOT = 1


class Failure(Exception):
    """An answer that is an error number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class NotYet(Exception):
    """The index does not say yet."""


class Tree:
    """Names and where their bytes are. Files have even node numbers, folders odd ones."""

    def __init__(self) -> None:
        self.places = array("q")
        """File, offset and size of each file, one after another."""
        self.folders: list[tuple[dict[bytes, int], list[bytes]]] = [({}, [])]
        """Of each folder the nodes by name, and the names in the order they came."""
        self._known = {b"": 0}

    def add(self, path: bytes, file: int, offset: int, size: int) -> None:
        """A file. What cannot be, because a folder is called so or a file where a folder should be, is left out."""
        parent, _, name = path.rpartition(b"/")
        folder = self._known.get(parent)
        if folder is None:
            folder = self._make(parent)
        if folder < 0 or not self._put(folder, name, 2 * (len(self.places) // 3 + 1)):
            complain(f"{path!r} is both a file and a folder")
            return
        self.places.extend((file, offset, size))

    def _make(self, path: bytes) -> int:
        """A folder and those above it; -1 where a file is called so."""
        found = self._known.get(path)
        if found is not None:
            return found
        parent, _, name = path.rpartition(b"/")
        above = self._make(parent)
        number = len(self.folders)
        if above < 0 or not self._put(above, name, 2 * number + 1):
            return -1
        self.folders.append(({}, []))
        self._known[path] = number
        return number

    def _put(self, folder: int, name: bytes, node: int) -> bool:
        nodes, names = self.folders[folder]
        if nodes.setdefault(name, node) != node:
            return False
        names.append(name)
        return True

    def place(self, node: int) -> "tuple[int, int, int]":
        """(file, offset, size) of a file's node."""
        at = (node // 2 - 1) * 3
        return self.places[at], self.places[at + 1], self.places[at + 2]


class Index:
    """The pile's index, read as far as it has come."""

    def __init__(self, pile: str, tree: Tree) -> None:
        self._file = open(pile + "/index", "rb")  # noqa: SIM115  # for as long as we live
        self._tree = tree
        self._rest = b""
        self.complete = False
        self.failed = False

    def read(self) -> bool:
        """Some more lines. False when there are none now."""
        lines = self._file.readlines(LINES_AT_ONCE * 60)
        if lines:
            lines[0] = self._rest + lines[0]
            self._rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
        for line in lines:
            self._take(line)
        return bool(lines)

    def deleted(self) -> bool:
        """Whether somebody removed the pile: nobody is left who would unmount it."""
        return os.fstat(self._file.fileno()).st_nlink == 0

    def close(self) -> None:
        self._file.close()

    def _take(self, line: bytes) -> None:
        if line == b"end\n" or line.startswith(b"failed "):
            self.complete, self.failed = True, line != b"end\n"
            return
        file, offset, size, names = line[:-1].split(b" ", 3)
        path = names.partition(b"\0")[0]
        if b"\\" in path:
            path = b"\\".join(part.replace(b"\\n", b"\n") for part in path.split(b"\\\\"))
        self._tree.add(path, int(file), int(offset), int(size))


class Files:
    """The pile's files, the last few of them open."""

    def __init__(self, pile: str) -> None:
        self._pile = pile
        self._open: dict[int, int] = {}

    def read(self, number: int, offset: int, size: int) -> bytes:
        descriptor = self._open.get(number)
        if descriptor is None:
            name = f"{self._pile}/{number // PER_FOLDER}/{number}" if number else f"{self._pile}/small"
            descriptor = self._open[number] = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
            if len(self._open) > OPEN_FILES:
                os.close(self._open.pop(next(iter(self._open))))
        return os.pread(descriptor, size, offset)


class FileSystem:
    """Answers the kernel, one request after another."""

    def __init__(self, device: int, pile: str) -> None:
        self._device = device
        self._tree = Tree()
        self._index = Index(pile, self._tree)
        self._files = Files(pile)
        self._waiting: list[tuple[int, int, int, bytes]] = []
        self._uid, self._gid = os.getuid(), os.getgid()
        self._made = int(os.stat(pile).st_mtime)

    def run(self) -> bool:
        """Until it is unmounted, or the pile deleted: then True."""
        poll = select.poll()
        poll.register(self._device, select.POLLIN)
        while True:
            patience = IDLE if self._index.complete else 0 if self._index.read() else SOON
            if poll.poll(patience):
                if not self._answer_next():
                    return False
            elif patience == IDLE and self._index.deleted():
                return True
            self._answer_waiting()

    def _answer_next(self) -> bool:
        try:
            request = os.read(self._device, REQUEST)
        except OSError as problem:
            if problem.errno == ENODEV:
                return False
            if problem.errno in (EINTR, EAGAIN, ENOENT):  # the last: taken back before it was read
                return True
            raise
        _, opcode, unique, node, *_ = HEADER.unpack_from(request)
        if opcode not in UNANSWERED:
            self._answer(opcode, unique, node, request[HEADER.size :])
        return True

    def _answer_waiting(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for request in waiting:
                self._answer(*request)

    def _answer(self, opcode: int, unique: int, node: int, asked: bytes) -> None:
        try:
            data = self._data(opcode, node, asked)
            head = ANSWER.pack(ANSWER.size + len(data), 0, unique)
        except NotYet:
            self._waiting.append((opcode, unique, node, asked))
            return
        except Failure as failure:
            data, head = b"", ANSWER.pack(ANSWER.size, -failure.number, unique)
        except OSError as problem:
            complain(f"request {opcode} for node {node}: {problem}")
            data, head = b"", ANSWER.pack(ANSWER.size, -EIO, unique)
        try:
            os.writev(self._device, (head, data))
        except OSError as problem:
            if problem.errno != ENOENT:  # who asked has gone
                raise

    def _data(self, opcode: int, node: int, asked: bytes) -> bytes:
        if opcode == READ:
            return self._read(node, *READ_ASKED.unpack_from(asked))
        if opcode == LOOKUP:
            return self._look_up(node, asked[:-1])
        if opcode in (READDIR, READDIRPLUS):
            return self._list(node, *READ_ASKED.unpack_from(asked), entries=opcode == READDIRPLUS)
        if opcode == GETATTR:
            return HOLDS.pack(FOR_EVER, 0, 0) + self._attributes(node)
        if opcode == INIT:
            return self._begin(asked)
        if opcode == STATFS:
            return STATISTICS.pack(0, 0, 0, len(self._tree.places) // 3, 0, 4096, 255, 4096, 0)
        raise Failure(ENOSYS)  # among them `open`: whoever may see a file may read it, without asking first

    def _begin(self, asked: bytes) -> bytes:
        _, _, read_ahead, offered = struct.unpack_from("<IIII", asked)
        flags = WANTED & offered
        return INIT_ANSWER.pack(MAJOR, MINOR, read_ahead, flags, 64, 48, 4096, 1, PAGES, 0, 0, 0)

    def _look_up(self, folder: int, name: bytes) -> bytes:
        node = self._nodes(folder).get(name)
        if node is None:
            self._not_there()
            raise Failure(ENOENT)
        return self._entry(node)

    def _not_there(self) -> None:
        """Raises unless the index has all there is."""
        if not self._index.complete:
            raise NotYet
        if self._index.failed:
            raise Failure(EIO)

    def _nodes(self, folder: int) -> dict[bytes, int]:
        if not folder % 2:
            raise Failure(ENOTDIR)
        return self._tree.folders[folder // 2][0]

    def _list(self, folder: int, _handle: int, offset: int, room: int, *, entries: bool) -> bytes:
        nodes = self._nodes(folder)
        names = self._tree.folders[folder // 2][1]
        if offset >= len(names):
            self._not_there()
            return b""
        parts: list[bytes] = []
        for at in range(offset, len(names)):
            name = names[at]
            node = nodes[name]
            size = NAME.size + len(name) + -len(name) % 8 + (ENTRY.size + ATTRIBUTES.size if entries else 0)
            if size > room:
                break
            room -= size
            if entries:
                parts.append(self._entry(node))
            parts.append(NAME.pack(node, at + 1, len(name), 4 if node % 2 else 8))
            parts.append(name + bytes(-len(name) % 8))
        return b"".join(parts)

    def _entry(self, node: int) -> bytes:
        return ENTRY.pack(node, 0, FOR_EVER, FOR_EVER, 0, 0) + self._attributes(node)

    def _attributes(self, node: int) -> bytes:
        size = 4096 if node % 2 else self._tree.place(node)[2]
        mode, links = (0o40555, 2) if node % 2 else (0o100444, 1)
        blocks = (size + 511) // 512
        made = self._made
        return ATTRIBUTES.pack(
            node, size, blocks, made, made, made, 0, 0, 0, mode, links, self._uid, self._gid, 0, 4096, 0
        )

    def _read(self, node: int, _handle: int, offset: int, room: int) -> bytes:
        if node % 2:
            raise Failure(EISDIR)
        file, start, size = self._tree.place(node)
        length = min(room, size - offset)
        return self._files.read(file, start + offset, length) if length > 0 else b""


def complain(text: str) -> None:
    os.write(2, (text + "\n").encode(errors="replace"))


def unmount(point: str) -> None:
    if os.geteuid() == 0:
        import ctypes

        ctypes.CDLL(None).umount2(os.fsencode(point), 2)  # MNT_DETACH
    else:
        os.spawnvp(os.P_WAIT, "fusermount3", ["fusermount3", "-u", "-z", point])  # noqa: S606


if __name__ == "__main__":
    if FileSystem(0, sys.argv[1]).run():
        unmount(sys.argv[2])
