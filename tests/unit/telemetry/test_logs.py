"""Log groups and streams: what is put in comes out, in order, also after a crash at any byte."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright.base.errors import AlreadyExists
from sagewright.telemetry.logs import EventPage, Logs, Mark, NoSuchGroup, NoSuchStream
from sagewright.telemetry.opened import Opened
from sagewright.testing.clock import ManualClock

GROUP = "/aws/sagemaker/TrainingJobs"
STREAM = "job/algo-1-1760000000"


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path, ManualClock())


def messages(page: EventPage) -> list[str]:
    return [event.message for event in page.events]


def reopened(logs: Logs) -> Logs:
    return Logs(logs._base, logs._clock)


def file_of(logs: Logs) -> Path:
    return next(logs._base.rglob("*.log"))


def filled(logs: Logs, times: Sequence[int], stream: str = STREAM) -> None:
    logs.append_from(GROUP, stream, [(time, f"line {number}", 0) for number, time in enumerate(times)])


def test_lines_come_back_after_a_restart(logs: Logs) -> None:
    logs.append_from(GROUP, STREAM, [(1, "eins\t\n\x00 ü \U0001f600", 30), (2, "", 31)])
    again = reopened(logs)
    assert messages(again.events(GROUP, STREAM)) == ["eins\t\n\x00 ü \U0001f600", ""]
    assert again.source_offset(GROUP, STREAM) == 31


def test_a_line_is_pumped_once(logs: Logs) -> None:
    logs.append_from(GROUP, STREAM, [(1, "note", 0), (1, "a", 2), (2, "b", 4)])
    logs.append_from(GROUP, STREAM, [(2, "b", 4), (3, "note", 0), (3, "c", 6)])
    assert messages(logs.events(GROUP, STREAM)) == ["note", "a", "b", "note", "c"]
    assert logs.source_offset(GROUP, STREAM) == 6


def test_an_unknown_stream_has_no_source_offset(logs: Logs) -> None:
    assert logs.source_offset(GROUP, STREAM) == 0


def test_half_a_surrogate_pair_is_kept_as_a_question_mark(logs: Logs) -> None:
    logs.append_from(GROUP, STREAM, [(1, "a\ud800b", 1)])
    assert messages(logs.events(GROUP, STREAM)) == ["a?b"]


@given(st.lists(st.tuples(st.integers(0, 50), st.text(max_size=8)), min_size=1, max_size=6), st.data())
def test_a_crash_at_any_byte_loses_only_torn_lines(lines: list[tuple[int, str]], data: st.DataObject) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        logs = Logs(folder, ManualClock())
        source = [(time, text, number + 1) for number, (time, text) in enumerate(lines)]
        logs.append_from(GROUP, STREAM, source)
        file = file_of(logs)
        whole = file.read_bytes()
        header = whole.index(b"\n") + 1
        cut = data.draw(st.integers(header, len(whole)))
        file.write_bytes(whole[:cut])
        again = Logs(folder, ManualClock())
        survived = whole[header:cut].count(b"\n")
        assert again.source_offset(GROUP, STREAM) == survived
        # The pump goes on where the stream says, or from further back; both give every line once.
        again.append_from(GROUP, STREAM, source[data.draw(st.integers(0, survived)) :])
        expected = [text for _, text, _ in sorted(source, key=lambda line: (line[0], line[2]))]
        assert messages(again.events(GROUP, STREAM)) == expected
        assert messages(Logs(folder, ManualClock()).events(GROUP, STREAM)) == expected
    finally:
        shutil.rmtree(folder)


def test_a_stream_cut_at_every_byte_can_be_written_again(logs: Logs) -> None:
    logs.append_from(GROUP, STREAM, [(1, "a", 1), (2, "b", 2)])
    file = file_of(logs)
    whole = file.read_bytes()
    for cut in range(len(whole) + 1):
        file.write_bytes(whole[:cut])
        again = reopened(logs)
        again.append_from(GROUP, STREAM, [(1, "a", 1), (2, "b", 2)])
        assert messages(again.events(GROUP, STREAM)) == ["a", "b"]


def test_garbage_at_the_end_is_cut(logs: Logs) -> None:
    logs.append_from(GROUP, STREAM, [(1, "a", 1)])
    with file_of(logs).open("ab") as file:
        file.write(b"\0\0\0\nrubbish\n\0\0")
    again = reopened(logs)
    again.append_from(GROUP, STREAM, [(2, "b", 2)])
    assert messages(reopened(logs).events(GROUP, STREAM)) == ["a", "b"]


# Reading.


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=30),
    st.booleans(),
    st.integers(0, 31),
    st.integers(0, 31),
    st.integers(1, 7),
)
def test_pages_forward_and_backward_cover_a_window_once(
    times: list[int], in_order: bool, start: int, end: int, limit: int
) -> None:
    times = sorted(times) if in_order else times
    folder = Path(tempfile.mkdtemp())
    try:
        logs = Logs(folder, ManualClock())
        filled(logs, times)
        numbered = sorted(enumerate(times), key=lambda pair: pair[1])
        expected = [f"line {number}" for number, time in numbered if start <= time < end]
        for forward in (True, False):
            mark: Mark | None = None
            seen: list[list[str]] = []
            while True:
                page = logs.events(GROUP, STREAM, start, end, mark, limit=limit, forward=forward)
                if not page.events:
                    break
                seen.append(messages(page))
                mark = page.after if forward else page.before
            ordered = seen if forward else seen[::-1]
            assert [line for lines in ordered for line in lines] == expected
    finally:
        shutil.rmtree(folder)


def test_the_end_stays_the_end_until_there_is_more(logs: Logs) -> None:
    filled(logs, [1, 2])
    page = logs.events(GROUP, STREAM)
    empty = logs.events(GROUP, STREAM, mark=page.after)
    assert (messages(empty), empty.after) == ([], page.after)
    logs.append_from(GROUP, STREAM, [(3, "more", 0)])
    assert messages(logs.events(GROUP, STREAM, mark=page.after)) == ["more"]


def test_an_empty_stream_can_be_followed(logs: Logs) -> None:
    logs.create_group(GROUP)
    logs.create_stream(GROUP, STREAM)
    for forward in (True, False):
        page = logs.events(GROUP, STREAM, start=5, forward=forward)
        assert page.events == ()
    filled(logs, [7])
    assert messages(logs.events(GROUP, STREAM, 5, mark=page.after)) == ["line 0"]


def test_a_page_is_a_mebibyte_at_most_and_an_event_at_least(logs: Logs) -> None:
    logs.append_from(GROUP, STREAM, [(n, "x" * 400_000, 0) for n in range(4)] + [(9, "y" * 3_000_000, 0)])
    assert len(logs.events(GROUP, STREAM).events) == 2
    assert len(logs.events(GROUP, STREAM, forward=False).events) == 1


def test_long_streams_are_not_read_whole(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(logs, range(0, 400_000, 2))
    again = reopened(logs)
    stream = again._group(GROUP).stream(STREAM)
    read = 0
    plain = stream.journal._read

    def counting(offset: int, size: int) -> bytes:
        nonlocal read
        read += size
        return plain(offset, size)

    monkeypatch.setattr(stream.journal, "_read", counting)
    assert messages(again.events(GROUP, STREAM, 300_001, 300_005)) == ["line 150001", "line 150002"]
    assert messages(again.events(GROUP, STREAM, limit=1, forward=False)) == ["line 199999"]
    assert read < stream.size / 10


def test_streams_are_merged_in_order_of_time(logs: Logs) -> None:
    filled(logs, [1, 4, 5], "b")
    filled(logs, [2, 3, 5], "a")
    merged = [(event.timestamp, name) for name, event in logs.merged(GROUP, ["b", "a"], 2)]
    assert merged == [(2, "a"), (3, "a"), (4, "b"), (5, "a"), (5, "b")]


# Names, groups, streams.


@given(st.lists(st.text(min_size=1, max_size=300), min_size=1, max_size=5, unique=True))
def test_any_name_is_kept_apart_and_found_again(names: list[str]) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        logs = Logs(folder, ManualClock())
        for name in names:
            logs.create_group(name)
            logs.create_stream(name, name * 2)
        again = Logs(folder, ManualClock())
        assert [group.name for group in again.groups(lambda _: True)] == sorted(names)
        assert all(list(again.names(name)) == [name * 2] for name in names)
        assert {path.parent for path in folder.rglob("*.log")} == {path.parent for path in folder.rglob("group.json")}
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["..", ".", "a/../../b", "/etc/passwd", "CON", "A", "a"])
def test_names_never_leave_the_folder(logs: Logs, name: str) -> None:
    logs.create_group(name)
    logs.create_stream(name, name)
    assert len(list(logs._base.rglob("*.log"))) == 1
    assert logs.stream(name, name).name == name


def test_regions_are_apart(logs: Logs) -> None:
    filled(logs.at("123456789012", "eu-central-1"), [1])
    assert logs.source_offset(GROUP, STREAM) == 0
    with pytest.raises(NoSuchGroup):
        logs.events(GROUP, STREAM)
    assert logs.at("123456789012", "us-east-1") is logs


def test_groups_and_streams_are_made_once(logs: Logs) -> None:
    logs.create_group(GROUP)
    logs.create_stream(GROUP, STREAM)
    with pytest.raises(AlreadyExists):
        logs.create_group(GROUP)
    with pytest.raises(AlreadyExists):
        reopened(logs).create_stream(GROUP, STREAM)
    with pytest.raises(NoSuchStream):
        logs.put(GROUP, "other", [(1, "a")])
    with pytest.raises(NoSuchGroup):
        logs.put("other", STREAM, [(1, "a")])


def test_what_is_deleted_is_gone(logs: Logs) -> None:
    filled(logs, [1])
    filled(logs, [1], "other")
    logs.delete_stream(GROUP, STREAM)
    assert list(logs.names(GROUP)) == list(reopened(logs).names(GROUP)) == ["other"]
    logs.delete_group(GROUP)
    assert list(logs.groups(lambda _: True)) == []
    assert not list(logs._base.rglob("*.log"))
    filled(logs, [2])
    assert list(logs.names(GROUP)) == [STREAM]


def test_a_deletion_that_was_cut_short_is_finished(logs: Logs) -> None:
    filled(logs, [1])
    logs._group(GROUP).move(logs._folder / ".deleted-1")
    assert list(reopened(logs).groups(lambda _: True)) == []
    assert not list(logs._base.rglob("*.log"))


def test_streams_are_listed_by_name_or_by_their_last_event(logs: Logs) -> None:
    for name, time in (("a/1", 30), ("a/2", 10), ("b", 20)):
        filled(logs, [time - 5, time], name)
    logs.create_stream(GROUP, "empty")

    def names(**options: object) -> list[str]:
        return [info.name for info in logs.streams(GROUP, **options)]  # type: ignore[arg-type]

    assert names(prefix="a/") == ["a/1", "a/2"]
    assert names(limit=2, after=(0, "a/1")) == ["a/2", "b"]
    assert names(descending=True, after=(0, "b")) == ["a/2", "a/1"]
    assert names(order_by="last") == ["empty", "a/2", "b", "a/1"]
    assert names(order_by="last", descending=True, after=(20, "b")) == ["a/2", "empty"]
    assert logs.stream(GROUP, "b")[2:4] == (15, 20)


def test_retention_hides_what_is_older(logs: Logs) -> None:
    day = 86_400_000
    logs.create_group(GROUP)
    logs.create_stream(GROUP, STREAM)
    logs.put(GROUP, STREAM, [(logs.now - 2 * day, "old"), (logs.now, "new")])
    logs.change_group(GROUP, lambda info: replace(info, retention_days=1))
    assert messages(reopened(logs).events(GROUP, STREAM)) == ["new"]


def test_threads_may_write_at_once(logs: Logs) -> None:
    def write(number: int) -> None:
        for step in range(20):
            logs.append_from(GROUP, "shared", [(step, f"{number}-{step}", 0)])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(messages(reopened(logs).events(GROUP, "shared")))) == 120


def test_streams_that_nobody_uses_are_not_kept(tmp_path: Path) -> None:
    opened = Opened(most=5)
    logs = Logs(tmp_path, ManualClock(), opened=opened)
    for number in range(60):
        logs.append_from(f"group-{number % 3}", f"job-{number}", [(1, "first", 6)])
    assert len(opened) == 5
    assert logs.source_offset("group-0", "job-0") == 6
    logs.append_from("group-0", "job-0", [(1, "first", 6), (2, "second", 13)])
    assert messages(logs.events("group-0", "job-0")) == ["first", "second"]
    for group in ("group-0", "group-1", "group-2"):
        logs.delete_group(group)
    assert len(opened) == 0


def test_a_stream_that_is_read_stays_one_and_the_same(tmp_path: Path) -> None:
    logs = Logs(tmp_path, ManualClock(), opened=Opened(most=1))
    logs.append_from(GROUP, STREAM, [(1, "first", 0)])
    reader = logs.merged(GROUP, [STREAM])
    logs.append_from(GROUP, "another", [(1, "line", 0)])
    logs.append_from(GROUP, STREAM, [(2, "second", 0)])
    assert [event.message for _, event in reader] == ["first", "second"]
    logs.append_from(GROUP, "another", [(2, "line", 0)])
    reader = logs.merged(GROUP, [STREAM])
    logs.delete_stream(GROUP, STREAM)
    assert list(reader) == []
