"""The endpoint's model as MLflow keeps it. Arguments: the model's folder, where to put it."""

from __future__ import annotations

import os
import sys

import joblib
import mlflow.sklearn

mlflow.sklearn.save_model(joblib.load(os.path.join(sys.argv[1], "model.joblib")), sys.argv[2], pip_requirements=[])
