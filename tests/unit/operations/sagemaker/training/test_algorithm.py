from __future__ import annotations

from typing import Any

import pytest

from sagewright.testing.asker import Asker, Refused

TRAINING: dict[str, Any] = {
    "TrainingImage": "image",
    "SupportedTrainingInstanceTypes": ["ml.m5.large"],
    "TrainingChannels": [
        {"Name": "train", "SupportedContentTypes": ["text/csv"], "SupportedInputModes": ["File"]},
    ],
}


def test_an_algorithm_that_nothing_checks_is_complete_at_once(asker: Asker) -> None:
    asker.call("CreateAlgorithm", AlgorithmName="mine", TrainingSpecification=TRAINING)
    told = asker.call("DescribeAlgorithm", AlgorithmName="mine")
    assert told["AlgorithmStatus"] == "Completed"
    assert asker.call("DescribeAlgorithm", AlgorithmName=told["AlgorithmArn"])["AlgorithmName"] == "mine"


@pytest.mark.parametrize("asked", [{"CertifyForMarketplace": True}])
def test_what_would_have_to_be_checked_is_refused(asker: Asker, asked: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="no marketplace"):
        asker.call("CreateAlgorithm", AlgorithmName="mine", TrainingSpecification=TRAINING, **asked)
    assert asker.call("ListAlgorithms")["AlgorithmSummaryList"] == []
