"""`python -S -m sagewright_container.pipes -- COMMAND…`: feed the channels in Pipe mode, and become COMMAND.

What is to be sent lies in folders under /opt/ml/input/.pipes, one for each channel, written by the platform:

    feed     settings, a line `name value` each: pieces, gzip, record_io; seed, host and hosts where it is shuffled
    index    what to send, in order: lines `<file> <offset> <size> <names>`, then `end` or `failed <why>`; it may grow
    small    file 0; file n > 0 is <n // 1024>/<n>
    place    where the channel is, below /opt/ml: input/data/<channel> of a training job

For each channel a feeder is left behind, which opens /opt/ml/<place>_<epoch> from epoch 0 on and sends
the whole channel to whoever reads. A reader may close early: then the next epoch begins. Every import is paid before a
job's first line, so there are next to none until then.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` itself imports enum: 2 ms
import os
import sys

# ruff: noqa: SIM105  # contextlib would cost an import

TYPE_CHECKING = False
if TYPE_CHECKING:  # see contract.py
    from collections.abc import Iterator
    from typing import NoReturn

MAGIC = 0xCED7230A  # of RecordIO; see recordio.py
LONGEST_RECORD = (1 << 29) - 1  # the upper three bits of a record's length say that it goes on in the next
CHUNK = 1 << 20
SMALL = 1 << 16
PER_FOLDER = 1024

Piece = tuple[int, int, int]  # file, offset, size


class BadInput(Exception):
    """The channel's bytes are not what its settings say; the message is for the job's owner."""


def main(arguments: list[str]) -> NoReturn:
    """Leave a feeder behind for each channel, then become the command."""
    command = arguments[arguments.index("--") + 1 :]
    base = os.environ.get("SAGEMAKER_BASE_DIR") or "/opt/ml"
    folder = f"{base}/input/.pipes"
    for channel in sorted(os.listdir(folder)):
        with open(f"{folder}/{channel}/place", encoding="utf-8") as file:
            prefix = f"{base}/{file.read()}"
        make_fifo(f"{prefix}_0")  # it is there before the script's first line
        leave_behind(channel, f"{folder}/{channel}", prefix, f"{base}/output/failure")
    become(command)


def leave_behind(channel: str, folder: str, prefix: str, failure: str) -> None:
    """Start a feeder that is no child of the command, which might wait for all of its children."""
    job = os.getpid()
    middle = os.fork()
    if middle:
        os.waitpid(middle, 0)
        return
    try:
        os.setsid()  # not in the group that a launcher signals
        if os.fork() == 0:
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, 0)
            os.dup2(nothing, 1)
            run(channel, folder, prefix, failure, job)
    finally:
        os._exit(0)


def become(command: list[str]) -> NoReturn:
    """As a shell's `exec` would."""
    for number in (_signal.SIGPIPE, _signal.SIGXFSZ):
        _signal.signal(number, _signal.SIG_DFL)  # Python ignores them, and what is ignored stays so in the command
    try:
        os.execvp(command[0], list(command))  # noqa: S606
    except FileNotFoundError:
        os.write(2, f"exec: {command[0]}: not found\n".encode())
        os._exit(127)
    except OSError as problem:
        os.write(2, f"exec: {command[0]}: {problem.strerror}\n".encode())
        os._exit(126)


def run(channel: str, folder: str, prefix: str, failure: str, job: int) -> None:
    """Feed until everything ends. What cannot be fed ends the job, with the reason in its failure file."""
    try:
        Feed(folder).epochs(prefix)
    except (BadInput, OSError) as problem:
        reason = f"ClientError: Channel {channel!r} could not be sent through its pipe: {problem}"
        os.write(2, (reason + "\n").encode(errors="replace"))
        with open(failure, "w", encoding="utf-8", errors="replace") as file:
            file.write(reason)
        os.kill(job, 15)


class Feed:
    """One channel: its settings, and how they make bytes of its files."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        with open(f"{folder}/feed", encoding="ascii") as file:
            settings = {name: int(value) for name, value in (line.split() for line in file)}
        self.gzip, self.record_io = bool(settings["gzip"]), bool(settings["record_io"])
        self.pieces_of_a_unit = settings["pieces"]
        self.seed = settings.get("seed")
        self.host, self.hosts = settings.get("host", 0), settings.get("hosts", 1)

    def epochs(self, prefix: str) -> None:
        """One FIFO after the other, for ever. The next is there as soon as one is being read."""
        epoch = 0
        while True:
            path = f"{prefix}_{epoch}"
            make_fifo(path)
            fifo = os.open(path, os.O_WRONLY)
            try:
                enlarge(fifo)
                make_fifo(f"{prefix}_{epoch + 1}")
                self.send(fifo, epoch)
            except BrokenPipeError:
                pass  # the reader has had enough
            # What cannot be sent leaves it open: a reader that saw an end could complete the job before it is ended.
            remove(path)  # before it is closed: who opened it then would wait for a writer
            os.close(fifo)
            epoch += 1

    def send(self, fifo: int, epoch: int) -> None:
        """The channel as it is in an epoch. Raises BadInput, BrokenPipeError."""
        send = self._send_record if self.record_io else self._send_gunzipped if self.gzip else self._send_as_it_is
        pieces = self.order(epoch)
        for piece in pieces if self.record_io or self.gzip else joined(pieces):
            source = os.open(self._path(piece[0]), os.O_RDONLY)
            try:
                send(fifo, source, piece)
            finally:
                os.close(source)

    def order(self, epoch: int) -> Iterator[Piece]:
        """What is sent in an epoch: all in order; or shuffled anew, and this host's part of it."""
        if self.seed is None:
            yield from self._listed()
            return
        import random

        pieces, width = list(self._listed()), self.pieces_of_a_unit
        units = list(range(0, len(pieces), width))
        random.Random(f"{self.seed} {epoch}").shuffle(units)  # noqa: S311
        for start in units[self.host :: self.hosts]:
            yield from pieces[start : start + width]

    def _listed(self) -> Iterator[Piece]:
        """The lines of the index, waiting for those that are still to come."""
        with open(f"{self.folder}/index", "rb") as file:
            line = b""
            while True:
                line += file.readline()
                if not line.endswith(b"\n"):
                    pause()
                    continue
                if line == b"end\n":
                    return
                if line.startswith(b"failed "):
                    raise BadInput(line[7:-1].decode(errors="replace"))
                number, offset, size, _ = line.split(b" ", 3)
                yield int(number), int(offset), int(size)
                line = b""

    def _path(self, number: int) -> str:
        return f"{self.folder}/{number // PER_FOLDER}/{number}" if number else f"{self.folder}/small"

    def _send_as_it_is(self, fifo: int, source: int, piece: Piece) -> None:
        _, offset, size = piece
        copy(source, fifo, offset, size)

    def _send_gunzipped(self, fifo: int, source: int, piece: Piece) -> None:
        for chunk in gunzipped(source, piece):
            write(fifo, chunk)

    def _send_record(self, fifo: int, source: int, piece: Piece) -> None:
        _, offset, size = piece
        length = sum(len(chunk) for chunk in gunzipped(source, piece)) if self.gzip else size
        if length > LONGEST_RECORD:
            raise BadInput(f"an object of {length} bytes does not fit into a RecordIO record ({LONGEST_RECORD} bytes).")
        header = MAGIC.to_bytes(4, "little") + length.to_bytes(4, "little")
        padding = bytes(-length % 4)
        if not self.gzip and size <= SMALL:
            write(fifo, header + os.pread(source, size, offset) + padding)
            return
        write(fifo, header)
        if self.gzip:
            self._send_gunzipped(fifo, source, piece)
        else:
            copy(source, fifo, offset, size)
        write(fifo, padding)


def joined(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Neighbours in the same file as one piece: small objects stand one after another."""
    at, start, end = -1, 0, 0
    for number, offset, size in pieces:
        if number == at == 0 and offset == end:
            end += size
            continue
        if at >= 0:
            yield at, start, end - start
        at, start, end = number, offset, offset + size
    if at >= 0:
        yield at, start, end - start


def gunzipped(source: int, piece: Piece) -> Iterator[bytes]:
    """What a piece holds, decompressed; several gzip members stand for one stream. Raises BadInput."""
    import zlib

    _, offset, size = piece
    unpack = zlib.decompressobj(31)
    end, whole = offset + size, True
    while offset < end:
        data = os.pread(source, min(SMALL, end - offset), offset)
        if not data:
            break
        offset += len(data)
        while data:
            try:
                chunk = unpack.decompress(data, CHUNK)
            except zlib.error as problem:
                raise BadInput(f"an object is not compressed with gzip, as CompressionType says: {problem}.") from None
            if chunk:
                yield chunk
            whole, data = unpack.eof, unpack.unconsumed_tail or unpack.unused_data
            if whole:
                unpack = zlib.decompressobj(31)
    if not whole:
        raise BadInput("an object that is compressed with gzip is cut short.")


def copy(source: int, fifo: int, offset: int, size: int) -> None:
    """A file's bytes into a pipe, inside the kernel where it can."""
    end = offset + size
    spliced = hasattr(os, "splice")
    while offset < end:
        if spliced:
            try:
                done = os.splice(source, fifo, end - offset, offset_src=offset)
            except BrokenPipeError:
                raise
            except OSError:
                spliced = False  # a file system that cannot
                continue
        else:
            data = os.pread(source, min(CHUNK, end - offset), offset)
            write(fifo, data)
            done = len(data)
        if not done:
            raise BadInput(f"an object ends {end - offset} bytes early.")
        offset += done


def write(fifo: int, data: bytes) -> None:
    """All of it."""
    view = memoryview(data)
    while view:
        view = view[os.write(fifo, view) :]


def make_fifo(path: str) -> None:
    """Unless it is there."""
    try:
        os.mkfifo(path)
    except FileExistsError:
        pass


def remove(path: str) -> None:
    """Unless somebody has."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def enlarge(fifo: int) -> None:
    """More room in the pipe means fewer turns between writer and reader."""
    import fcntl

    try:
        fcntl.fcntl(fifo, getattr(fcntl, "F_SETPIPE_SZ", 1031), CHUNK)
    except OSError:
        pass  # more than this user may have


def pause() -> None:
    """Until more of an index may be there."""
    import time

    time.sleep(0.005)


if __name__ == "__main__":
    main(sys.argv[1:])
