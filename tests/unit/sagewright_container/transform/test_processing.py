"""Filters and joins of CSV, JSON and JSON lines."""

from __future__ import annotations

import csv
import io
import json
import re
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagewright_container.transform.errors import BadData
from sagewright_container.transform.plan import Plan
from sagewright_container.transform.processing import MISMATCH, Nothing, cells, of

CELL = st.text(alphabet='ab1,"; é', max_size=6)
TABLE = st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=6)
VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def plan(media: str = "text/csv", **members: Any) -> Plan:
    return Plan(objects=[], content_type=media, **{"split": "Line", "assemble": "Line", **members})


def sent(job: Plan, payload: bytes) -> bytes:
    return bytes(of(job, single=False).sent(memoryview(payload)))


def kept(job: Plan, payload: bytes, answer: bytes, *, single: bool = False) -> bytes:
    return of(job, single=single).kept(memoryview(payload), answer)


def written(table: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    return text.getvalue().encode()


def read(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode())))


def test_without_a_filter_or_a_join_nothing_is_looked_at() -> None:
    assert isinstance(of(plan(), single=False), Nothing)
    payload = memoryview(b"\xff\n")
    assert of(plan(), single=False).sent(payload) is payload


# CSV


@pytest.mark.parametrize(
    ("path", "row"),
    [
        ("$", b"0,1,2,3,4,5"),
        ("$[1:]", b"1,2,3,4,5"),
        ("$[0]", b"0"),
        ("$[0,-1]", b"0,5"),
        ("$[1:4]", b"1,2,3,4"),
        ("$[:2]", b"0,1,2"),
        ("$[5,0:1]", b"5,0,1"),
        ("$[*]", b"0,1,2,3,4,5"),
    ],
)
def test_cells_are_picked(path: str, row: bytes) -> None:
    assert sent(plan(input_filter=path, join=True), b"0,1,2,3,4,5\n0,1,2,3,4,5") == row + b"\n" + row


@given(TABLE, st.sampled_from(["$[1:]", "$[0,2]", "$[-1]", "$[0:1]"]))
def test_quoted_cells_are_picked_whole(table: list[list[str]], path: str) -> None:
    wanted = {"$[1:]": [1, 2], "$[0,2]": [0, 2], "$[-1]": [2], "$[0:1]": [0, 1]}[path]
    # A row of one empty cell is a line that is not there.
    rows = [row for row in table if any(row[place] for place in wanted)]
    if rows:
        assert read(sent(plan(input_filter=path), written(rows))) == [[row[place] for place in wanted] for row in rows]


@given(TABLE)
def test_answers_are_appended_to_their_rows(table: list[list[str]]) -> None:
    answers = [[str(number), "x,y"] for number in range(len(table))]
    joined = kept(plan(join=True), written(table), written(answers))
    assert read(joined) == [[*row, *answer] for row, answer in zip(table, answers, strict=True)]


def test_the_guides_examples_of_csv() -> None:
    assert kept(plan(join=True), b"1,2,3", b"1") == b"1,2,3,1"
    assert (
        kept(plan(join=True, output_filter="$[0,-1]"), b"id1,2,3\r\nid2,4,5\r\n", b"0.5\n0.6\n")
        == b"id1,0.5\nid2,0.6\n"
    )


def test_output_is_filtered_without_a_join_too() -> None:
    assert kept(plan(output_filter="$[0]"), b"ignored", b"label,0.9\nother,0.1\n") == b"label\nother\n"


def test_rows_without_an_answer_of_their_own_cannot_be_joined() -> None:
    with pytest.raises(BadData, match=re.escape(MISMATCH)):
        kept(plan(join=True), b"1\n2\n", b"3")


def test_a_quote_without_an_end_is_told() -> None:
    with pytest.raises(BadData, match="quote that does not end"):
        cells(b'1,"2,3')


# JSON


def test_the_guides_examples_of_json() -> None:
    job = plan("application/jsonlines", join=True)
    assert kept(job, b'{"key":1}', b'{"label":1}\n') == b'{"SageMakerOutput":{"label":1},"key":1}\n'
    job = plan("application/jsonlines", join=True, input_filter="$.features", output_filter="$['id','SageMakerOutput']")
    line = b'{"id":3,"features":[1,2],"other":0}'
    assert sent(job, line + b"\n" + line) == b"[1,2]\n[1,2]"
    assert kept(job, line, b"[0.5]") == b'{"SageMakerOutput":[0.5],"id":3}'


def test_a_record_that_is_no_object_gets_members_for_both() -> None:
    assert (
        kept(plan("application/jsonlines", join=True), b"[1,2]", b"3")
        == b'{"SageMakerInput":[1,2],"SageMakerOutput":3}'
    )


def test_a_whole_document_is_one_record() -> None:
    job = plan("application/json", join=True, split="None", assemble="None", input_filter="$.rows")
    document = b'{\n "rows": [1, 2],\n "SageMakerOutput": "old"\n}'
    assert sent(job, document) == b"[1,2]"
    assert kept(job, document, b"[\n 3,\n 4\n]\n") == b'{"SageMakerOutput":[3,4],"rows":[1,2]}\n'


def test_one_records_answer_may_have_several_lines() -> None:
    job = plan("application/json", join=True)
    assert kept(job, b'{"a":1}', b"[\n 1\n]\n", single=True) == b'{"SageMakerOutput":[1],"a":1}\n'


@given(st.lists(st.tuples(VALUE, VALUE), min_size=1, max_size=4))
def test_json_is_joined_whatever_it_is(pairs: list[tuple[Any, Any]]) -> None:
    def lines(side: int) -> bytes:
        return "\n".join(json.dumps(pair[side]) for pair in pairs).encode()

    joined = kept(plan("application/jsonlines", join=True), lines(0), lines(1)).split(b"\n")
    for (given_, answer), line in zip(pairs, joined, strict=True):
        found = json.loads(line)
        assert found.pop("SageMakerOutput") == answer
        if isinstance(given_, dict):
            assert found == {name: value for name, value in given_.items() if name != "SageMakerOutput"}
        else:
            assert found == {"SageMakerInput": given_}


def test_nan_stays_nan() -> None:
    assert kept(plan("application/jsonlines", join=True), b'{"a":NaN}', b"NaN") == b'{"SageMakerOutput":NaN,"a":NaN}'


def test_what_is_no_json_is_told() -> None:
    with pytest.raises(BadData, match="Fail to parse JSON"):
        kept(plan("application/jsonlines", join=True), b"{}", b"<html>")


# Inference ids


def test_csv_gets_ids_at_its_end() -> None:
    job = plan("image/png", accept="text/csv", inference_time="2022-08-30T00:49:15Z")
    rows = read(kept(job, b"\xff", b"0\n1\n"))
    assert [(value, time) for value, _, time in rows] == [(value, "2022-08-30T00:49:15Z") for value in "01"]
    assert len({uuid.UUID(identity) for _, identity, _ in rows}) == 2


def test_json_gets_ids_as_members() -> None:
    job = plan("application/json", inference_time="2022-08-30T00:49:15Z")
    first, second = map(json.loads, kept(job, b"", b'{"output":0}\n1\n').splitlines())
    assert set(first) == {"output", "SageMakerInferenceId", "SageMakerInferenceTime"}
    assert second["SageMakerOutput"] == 1
