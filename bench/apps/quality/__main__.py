"""`python -m bench.apps.quality ALGORITHM FOLDER`, in the algorithm's environment: prints what it found as JSON."""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
from pathlib import Path
from typing import Final

# Add an algorithm here: its comparison, "module:function", and the environment that it runs in.
COMPARISONS: Final = {
    "xgboost": ("tables:xgboost", "xgboost"),
    "lightgbm-classification-model": ("tables:lightgbm_classification", "lightgbm"),
    "lightgbm-regression-model": ("tables:lightgbm_regression", "lightgbm"),
    "catboost-classification-model": ("tables:catboost_classification", "catboost"),
    "catboost-regression-model": ("tables:catboost_regression", "catboost"),
    "autogluon-classification-ensemble": ("tables:autogluon_classification", "autogluon"),
    "autogluon-regression-ensemble": ("tables:autogluon_regression", "autogluon"),
    "linear-learner": ("tables:linear_learner", "scikit-learn"),
    "kmeans": ("tables:kmeans", "scikit-learn"),
    "pca": ("tables:pca", "scikit-learn"),
    "knn": ("tables:knn", "knn"),
    "randomcutforest": ("tables:random_cut_forest", "scikit-learn"),
    "factorization-machines": ("tables:factorization_machines", "scikit-learn"),
    "blazingtext": ("words:blazingtext", "blazingtext"),
    "lda": ("words:lda", "scikit-learn"),
    "ntm": ("words:ntm", "pytorch"),
    "ipinsights": ("words:ip_insights", "pytorch"),
    "object2vec": ("words:object2vec", "pytorch"),
    "seq2seq": ("words:seq2seq", "pytorch"),
    "forecasting-deepar": ("words:deepar", "deepar"),
    "image-classification": ("pictures:image_classification", "pytorch"),
    "object-detection": ("pictures:object_detection", "pytorch"),
    "semantic-segmentation": ("pictures:semantic_segmentation", "pytorch"),
    "pytorch-tabtransformerclassification-model": ("tables:tabtransformer_classification", "pytorch"),
    "pytorch-tabtransformerregression-model": ("tables:tabtransformer_regression", "pytorch"),
}

if __name__ == "__main__":
    module, _, function = COMPARISONS[sys.argv[1]][0].partition(":")
    told = getattr(importlib.import_module(f"bench.apps.quality.{module}"), function)(Path(sys.argv[2]))
    print(json.dumps(dataclasses.asdict(told)))
