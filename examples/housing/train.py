"""A scikit-learn script as SageMaker runs it: trains on a channel of CSV files, leaves a model, serves it.

Each row holds the features and, last, the value to predict; there is no header.
"""

import argparse
import os
from pathlib import Path

import joblib
import numpy as np
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split


def arguments() -> argparse.Namespace:
    """The job's hyperparameters arrive as options; its folders as environment variables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--n-estimators", type=int, default=200)
    parser.add_argument("--max-depth", type=int, default=3)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR"))
    return parser.parse_args()


def main() -> None:
    """Train, say how good the model is on rows that it has not seen, and save it."""
    args = arguments()
    rows = np.vstack([np.loadtxt(path, delimiter=",") for path in sorted(Path(args.train).glob("*.csv"))])
    train, test = train_test_split(rows, test_size=0.2, random_state=0)
    print(f"read {len(rows)} rows of {rows.shape[1] - 1} features")

    model = GradientBoostingRegressor(
        n_estimators=args.n_estimators,
        max_depth=args.max_depth,
        learning_rate=args.learning_rate,
        random_state=0,
    ).fit(train[:, :-1], train[:, -1])
    rmse = mean_squared_error(test[:, -1], model.predict(test[:, :-1])) ** 0.5
    print(f"validation:rmse={rmse:.4f}")

    joblib.dump(model, Path(args.model_dir) / "model.joblib")


def model_fn(model_dir: str) -> GradientBoostingRegressor:
    """Called once by the model server; the framework decodes requests, predicts and encodes by itself."""
    return joblib.load(Path(model_dir) / "model.joblib")


if __name__ == "__main__":
    main()
