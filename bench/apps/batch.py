"""Peers of batch transform: `batch.py {make|polars|pyfunc} FOLDER …`, each a process of its own, as users run one.

make ROWS: rows of 20 numbers, a model of 100 trees for them, and the same model as MLflow keeps it.
polars, pyfunc: read all the rows, predict, write the predictions.
"""

from __future__ import annotations

import sys
from pathlib import Path

COLUMNS = 20


def make(folder: Path, rows: int) -> None:
    """`rows.csv`, `model.ubj`, `pyfunc`."""
    import mlflow.xgboost
    import numpy as np
    import polars
    import xgboost

    random = np.random.default_rng(1)
    features = random.normal(size=(rows, COLUMNS)).astype(np.float32)
    target = 2 * features[:, 0] + features[:, 1] * features[:, 2]
    some = xgboost.DMatrix(features[:20_000], target[:20_000])
    booster = xgboost.train({"max_depth": 6, "objective": "reg:squarederror"}, some, 100)
    booster.save_model(folder / "model.ubj")
    polars.DataFrame(features).write_csv(folder / "rows.csv", include_header=False, float_precision=6)
    mlflow.xgboost.save_model(booster, folder / "pyfunc", pip_requirements=[])


def with_polars(folder: Path) -> None:
    """As fast as one process gets."""
    import polars
    import xgboost

    booster = xgboost.Booster(model_file=folder / "model.ubj")
    rows = polars.read_csv(folder / "rows.csv", has_header=False, schema_overrides=[polars.Float32] * COLUMNS)
    predictions = booster.inplace_predict(rows.to_numpy(), validate_features=False)
    polars.DataFrame({"prediction": predictions}).write_csv(folder / "polars.out", include_header=False)


def with_pyfunc(folder: Path) -> None:
    """MLflow's own form of a model, on pandas."""
    import mlflow.pyfunc
    import pandas as pd

    model = mlflow.pyfunc.load_model(str(folder / "pyfunc"))
    rows = pd.read_csv(folder / "rows.csv", header=None)
    predictions = model.predict(rows)
    pd.Series(predictions).to_csv(folder / "pyfunc.out", header=False, index=False)


if __name__ == "__main__":
    what, place, *more = sys.argv[1:]
    if what == "make":
        make(Path(place), int(more[0]))
    elif what == "polars":
        with_polars(Path(place))
    else:
        with_pyfunc(Path(place))
