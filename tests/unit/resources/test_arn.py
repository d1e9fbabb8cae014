"""ARNs, read and written."""

from __future__ import annotations

import pytest

from sagewright.resources.arn import Arn, sagemaker_arn


def test_an_arn_is_read_and_written_alike() -> None:
    text = "arn:aws:sagemaker:us-east-1:123456789012:training-job/a:b/c"
    arn = Arn.parse(text)
    assert str(arn) == text
    assert (arn.type, arn.id) == ("training-job", "a:b/c")


def test_names_are_lower_cased_in_sagemakers_arns() -> None:
    assert sagemaker_arn("r", "1", "model", "MyModel") == "arn:aws:sagemaker:r:1:model/mymodel"


@pytest.mark.parametrize("text", ["", "arn", "arn:aws:s3", "nra:aws:s3:::bucket", "arn:aws:s3:::"])
def test_what_is_no_arn_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an ARN"):
        Arn.parse(text)
