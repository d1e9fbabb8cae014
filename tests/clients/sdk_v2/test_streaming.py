"""`predict_stream`: a model's words, as the SDK v2 reads them."""

import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from sagemaker.deserializers import BytesDeserializer
from sagemaker.iterators import LineIterator
from sagemaker.serializers import JSONSerializer
from sagemaker.sklearn import SKLearnModel

SCRIPT = Path(__file__).parents[1] / "scripts/talker.py"


@pytest.fixture(scope="module")
def predictor(
    session: Any, role: str, bucket: str, deploy: Callable[..., Any], delete: Callable[..., None]
) -> Iterator[Any]:
    """The talker, which needs no model but its script."""
    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w:gz").close()
    boto3.client("s3").put_object(Bucket=bucket, Key="talker/model.tar.gz", Body=empty.getvalue())
    model = SKLearnModel(
        model_data=f"s3://{bucket}/talker/model.tar.gz",
        role=role,
        entry_point=str(SCRIPT),
        framework_version="1.2-1",
        sagemaker_session=session,
    )
    made = deploy(model, serializer=JSONSerializer(), deserializer=BytesDeserializer())
    yield made
    delete(made)


def test_bytes_come_while_they_are_made(predictor: Any) -> None:
    pieces = [*predictor.predict_stream({"words": 4, "pause": 0.05})]
    assert b"".join(pieces) == b"word0 word1 word2 word3 "
    assert len(pieces) > 1


def test_lines_are_put_together(predictor: Any) -> None:
    lines = predictor.predict_stream({"words": 3, "after": "\n"}, iterator=LineIterator)
    assert [*lines] == [b"word0", b"word1", b"word2"]
