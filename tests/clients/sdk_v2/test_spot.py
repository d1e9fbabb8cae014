"""Spot training and warm pools with the SDK v2."""

from pathlib import Path
from typing import Any

import pytest
from sagemaker.sklearn import SKLearn

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.mark.usefixtures("hurried")
def test_the_sdk_tells_what_was_saved(session: Any, role: str, bucket: str, capsys: pytest.CaptureFixture[str]) -> None:
    estimator = SKLearn(
        entry_point=str(SCRIPTS / "linger.py"),
        role=role,
        instance_type="ml.m5.large",
        framework_version="1.2-1",
        hyperparameters={"seconds": 9},
        use_spot_instances=True,
        max_run=300,
        max_wait=600,
        checkpoint_s3_uri=f"s3://{bucket}/spot-checkpoints",
        sagemaker_session=session,
    )
    estimator.fit()
    said = capsys.readouterr().out
    assert "Managed Spot Training savings: " in said
    saving = float(said.partition("Managed Spot Training savings: ")[2].partition("%")[0])
    assert 60 < saving < 80
