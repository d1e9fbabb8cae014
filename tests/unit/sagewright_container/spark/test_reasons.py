"""What is told of an application that failed."""

from __future__ import annotations

import pytest

from sagewright_container.spark import reasons

_END = "26/11/30 04:10:14 INFO ShutdownHookManager: Deleting directory /tmp/spark-5c94\n"
_IN_A_TASK = """Traceback (most recent call last):
  File "app.py", line 6, in <module>
py4j.protocol.Py4JJavaError: An error occurred while calling z:org.apache.spark.api.python.PythonRDD.collectAndServe.
: org.apache.spark.SparkException: Job aborted: org.apache.spark.api.PythonException: Traceback (most recent call last):
  File "app.py", line 5, in bad
ValueError: no such colour: 7

\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:572)
Caused by: org.apache.spark.api.python.PythonException: Traceback (most recent call last):
  File "app.py", line 5, in bad
ValueError: no such colour: 7

\t... 1 more
"""
_OF_A_JAR = """Exception in thread "main" java.lang.IllegalStateException: no such shape
\tat Main$.main(Main.scala:3)
"""


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (_IN_A_TASK, "ValueError: no such colour: 7"),
        (_OF_A_JAR, 'Exception in thread "main" java.lang.IllegalStateException: no such shape'),
        ("Error: Failed to load class Main.\n", "Error: Failed to load class Main."),
        ("Traceback (most recent call last):\nKeyError: 'a'\n", "KeyError: 'a'"),
        ("AssertionError\n", "AssertionError"),
        ("all is lost\n", "all is lost"),
        ("", ""),
    ],
)
def test_the_last_error_is_told_and_not_how_spark_cleans_up(said: str, told: str) -> None:
    assert reasons.told(said + _END * 200) == told


def test_where_an_error_is_told_counts_more_than_what_is_said_last() -> None:
    assert reasons.told("goodbye\n", "KeyError: 1\n") == "KeyError: 1"
    assert reasons.told(_END, "goodbye\n") == "goodbye"
