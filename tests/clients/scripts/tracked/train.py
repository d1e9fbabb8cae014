"""Trains in steps, and tells the run that it was started in, and its own job, how it goes."""

import os
from pathlib import Path

import joblib
import numpy as np
from sagemaker.experiments import load_run
from sklearn.linear_model import SGDRegressor
from sklearn.preprocessing import StandardScaler
from smexperiments.tracker import Tracker

STEPS = 25

rows = np.vstack([np.loadtxt(path, delimiter=",") for path in Path(os.environ["SM_CHANNEL_TRAIN"]).glob("*.csv")])
features, prices = StandardScaler().fit_transform(rows[:, :-1]), rows[:, -1]
model = SGDRegressor(random_state=0)
with load_run() as run, Tracker.load() as tracker:
    run.log_parameter("rows", len(rows))
    tracker.log_parameters({"features": features.shape[1]})
    for step in range(STEPS):
        model.partial_fit(features, prices)
        loss = float(np.mean((model.predict(features) - prices) ** 2))
        run.log_metric("train:loss", loss, step=step)
        tracker.log_metric("tracked:loss", loss, iteration_number=step)
        print(f"loss={loss:.6f}")
    dear, guesses = prices > np.median(prices), model.predict(features)
    scores = (guesses - guesses.min()) / np.ptp(guesses)
    run.log_precision_recall(dear, scores, title="precision-recall")
    run.log_roc_curve(dear, scores, title="roc")
    run.log_confusion_matrix(dear, guesses > np.median(prices), title="confusion")
joblib.dump(model, Path(os.environ["SM_MODEL_DIR"]) / "model.joblib")
