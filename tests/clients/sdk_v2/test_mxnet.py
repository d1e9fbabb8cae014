"""MXNet with the SDK v2: fit, deploy, predict."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sagemaker.mxnet import MXNet, MXNetModel

SCRIPTS = Path(__file__).parents[1] / "scripts"


def test_a_module_is_fitted_deployed_and_asked(
    session: Any, role: str, deploy: Callable[..., Any], delete: Callable[..., None]
) -> None:
    estimator = MXNet(
        entry_point=str(SCRIPTS / "mxnet_digits.py"),
        role=role,
        framework_version="1.8.0",
        py_version="py37",
        instance_count=1,
        instance_type="ml.m5.large",
        hyperparameters={"epochs": 10},
        sagemaker_session=session,
    )
    estimator.fit(logs=False)
    model = MXNetModel(
        model_data=estimator.model_data,
        role=role,
        entry_point=str(SCRIPTS / "mxnet_digits.py"),
        framework_version="1.8.0",
        py_version="py37",
        sagemaker_session=session,
    )
    predictor = deploy(model)
    (scores,) = predictor.predict([[0.1] * 64])
    assert sum(scores) == pytest.approx(1, abs=1e-4)
    delete(predictor)
