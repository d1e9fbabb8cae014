"""Questions and answers on a stream."""

from __future__ import annotations

import socket

import pytest

from sagewright.neighbours import frames
from sagewright.neighbours.frames import Answer, Question


def test_what_is_sent_arrives() -> None:
    question = Question(7, 3, "kms", "Encrypt", {"Plaintext": b"\0", "Numbers": [1, 2.5, None, True]}, "1", "r")
    answers = Answer(7, {"Blob": b"x" * 100_000}), Answer(8, None, "Code", "A sentence.", 404)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(frames.question_bytes(question) + frames.question_bytes(question))
        assert frames.read_question(theirs) == frames.read_question(theirs) == question
        for answer in answers:
            theirs.sendall(frames.answer_bytes(answer))
            assert frames.read_answer(ours) == answer


def test_a_stream_that_ends_in_the_middle_has_ended() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.sendall(frames.answer_bytes(Answer(1, {}))[:-1])
        assert frames.read_answer(theirs) is None


def test_values_that_are_not_plain_do_not_travel() -> None:
    with pytest.raises(ValueError, match="unmarshallable"):
        frames.answer_bytes(Answer(1, {"x": object()}))
