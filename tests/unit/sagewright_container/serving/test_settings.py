"""What the environment says about the model server."""

from __future__ import annotations

import pytest

from sagewright_container.serving.settings import Settings, settings


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Settings(1, 60.0, None)),
        ({"SAGEMAKER_MODEL_SERVER_WORKERS": "3"}, Settings(workers=3)),
        ({"SAGEMAKER_MODEL_SERVER_WORKERS": "0"}, Settings(workers=1)),
        ({"SAGEMAKER_MODEL_SERVER_TIMEOUT": "5", "MMS_DEFAULT_RESPONSE_TIMEOUT": "9"}, Settings(timeout_s=5)),
        ({"MMS_DEFAULT_RESPONSE_TIMEOUT": "9"}, Settings(timeout_s=9)),
        ({"SAGEMAKER_TS_RESPONSE_TIMEOUT": "0"}, Settings()),
        ({"MAX_CONTENT_LENGTH": "100"}, Settings(max_body=100)),
        ({"SAGEMAKER_MULTI_MODEL": "True"}, Settings(multi_model=True)),
        ({"MAX_CONTENT_LENGTH": "6MB", "SAGEMAKER_MODEL_SERVER_WORKERS": "-1"}, Settings()),
        ({"SAGEMAKER_MODEL_SERVER_TIMEOUT": "nan", "MAX_CONTENT_LENGTH": "inf"}, Settings()),
    ],
)
def test_settings(environ: dict[str, str], expected: Settings) -> None:
    assert settings(environ) == expected
