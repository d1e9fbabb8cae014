"""An XGBoost script as SageMaker's framework container runs it, with its own loading and its own answer."""

import argparse
import json
import os
from pathlib import Path

import numpy as np
import xgboost


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--num-round", type=int, default=20)
    parser.add_argument("--objective", default="reg:squarederror")
    args = parser.parse_args()
    rows = np.loadtxt(Path(os.environ["SM_CHANNEL_TRAIN"]) / "housing.csv", delimiter=",")
    data = xgboost.DMatrix(rows[:, :-1], label=rows[:, -1])
    booster = xgboost.train(
        {"objective": args.objective}, data, args.num_round, evals=[(data, "train")], verbose_eval=5
    )
    booster.save_model(Path(os.environ["SM_MODEL_DIR"]) / "booster.json")
    print("the script has saved its booster")


def model_fn(model_dir: str) -> xgboost.Booster:
    booster = xgboost.Booster()
    booster.load_model(Path(model_dir) / "booster.json")
    return booster


def input_fn(body: bytes | str, content_type: str) -> xgboost.DMatrix:
    if content_type != "application/json":
        raise ValueError(f"send JSON, not {content_type}")
    return xgboost.DMatrix(np.asarray(json.loads(body), dtype=float))


def predict_fn(data: xgboost.DMatrix, model: xgboost.Booster) -> np.ndarray:
    return model.predict(data)


def output_fn(prediction: np.ndarray, accept: str) -> tuple[str, str]:
    return json.dumps({"prices": prediction.tolist()}), "application/json"


if __name__ == "__main__":
    main()
