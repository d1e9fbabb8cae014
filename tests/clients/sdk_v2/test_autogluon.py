"""The AutoGluon images with the SDK v2: their addresses by `image_uris`, a script that trains, and one that serves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sagemaker import image_uris
from sagemaker.deserializers import CSVDeserializer
from sagemaker.estimator import Estimator
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer

SCRIPTS = Path(__file__).parents[1] / "scripts"


def test_a_script_fits_a_predictor_and_serves_it(
    session: Any, role: str, uploaded: str, rows: Any, deploy: Callable[..., Any], delete: Callable[..., None]
) -> None:
    def image(scope: str) -> str:
        return image_uris.retrieve(
            "autogluon",
            session.boto_region_name,
            version="1.3",
            py_version="py311",
            image_scope=scope,
            instance_type="ml.m5.large",
        )

    estimator = Estimator(
        image("training"),
        role,
        1,
        "ml.m5.large",
        entry_point="autogluon_housing.py",
        source_dir=str(SCRIPTS),
        hyperparameters={"rounds": 20},
        sagemaker_session=session,
    )
    estimator.fit({"train": uploaded}, logs=False)
    model = Model(
        image("inference"),
        estimator.model_data,
        role,
        predictor_cls=Predictor,
        entry_point=str(SCRIPTS / "autogluon_housing.py"),
        sagemaker_session=session,
    )
    predictor = deploy(model, serializer=CSVSerializer(), deserializer=CSVDeserializer())
    prices = [float(price) for (price,) in predictor.predict(rows)]
    assert all(5 < price < 50 for price in prices)
    delete(predictor)
