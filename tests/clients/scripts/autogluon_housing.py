"""AutoGluon as its users write it for SageMaker: a script that fits a predictor, and what serves it."""

import argparse
import io
import os
from pathlib import Path

import pandas as pd
from autogluon.tabular import TabularPredictor


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=30)
    args = parser.parse_args()
    rows = pd.read_csv(Path(os.environ["SM_CHANNEL_TRAIN"]) / "housing.csv", header=None).add_prefix("c")
    predictor = TabularPredictor("c13", path=os.environ["SM_MODEL_DIR"], eval_metric="rmse")
    predictor.fit(rows, hyperparameters={"GBM": {"num_boost_round": args.rounds}, "XGB": {"n_estimators": args.rounds}})
    print(predictor.leaderboard()[["model", "score_val"]].to_string())


def model_fn(model_dir: str) -> TabularPredictor:
    return TabularPredictor.load(model_dir)


def transform_fn(model: TabularPredictor, data: str, content_type: str, accept: str) -> tuple[str, str]:
    rows = pd.read_csv(io.StringIO(data), header=None).add_prefix("c")
    return model.predict(rows).to_csv(header=False, index=False), "text/csv"


if __name__ == "__main__":
    main()
