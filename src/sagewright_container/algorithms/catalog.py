"""The built-in algorithms: name → "module:attribute" of an `Algorithm`, loaded when it is run."""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # typing's own costs an import, which every start of a task would pay
if TYPE_CHECKING:
    from sagewright_container.algorithms.base import Algorithm

# Add an algorithm here: one file, one line.
CATALOG = {
    "autogluon-classification-ensemble": "sagewright_container.algorithms.autogluon:CLASSIFICATION",
    "autogluon-regression-ensemble": "sagewright_container.algorithms.autogluon:REGRESSION",
    "blazingtext": "sagewright_container.algorithms.blazingtext:BLAZING_TEXT",
    "catboost-classification-model": "sagewright_container.algorithms.catboost:CLASSIFICATION",
    "catboost-regression-model": "sagewright_container.algorithms.catboost:REGRESSION",
    "factorization-machines": "sagewright_container.algorithms.factorization_machines:FACTORIZATION_MACHINES",
    "forecasting-deepar": "sagewright_container.algorithms.deepar:DEEPAR",
    "image-classification": "sagewright_container.algorithms.image_classification:IMAGE_CLASSIFICATION",
    "ipinsights": "sagewright_container.algorithms.ipinsights:IP_INSIGHTS",
    "kmeans": "sagewright_container.algorithms.kmeans:KMEANS",
    "knn": "sagewright_container.algorithms.knn:KNN",
    "lda": "sagewright_container.algorithms.lda:LDA",
    "lightgbm-classification-model": "sagewright_container.algorithms.lightgbm:CLASSIFICATION",
    "lightgbm-regression-model": "sagewright_container.algorithms.lightgbm:REGRESSION",
    "linear-learner": "sagewright_container.algorithms.linear_learner:LINEAR_LEARNER",
    "ntm": "sagewright_container.algorithms.ntm:NTM",
    "object-detection": "sagewright_container.algorithms.object_detection:OBJECT_DETECTION",
    "object2vec": "sagewright_container.algorithms.object2vec:OBJECT2VEC",
    "pca": "sagewright_container.algorithms.pca:PCA",
    "pytorch-tabtransformerclassification-model": "sagewright_container.algorithms.tabtransformer:CLASSIFICATION",
    "pytorch-tabtransformerregression-model": "sagewright_container.algorithms.tabtransformer:REGRESSION",
    "randomcutforest": "sagewright_container.algorithms.randomcutforest:RANDOM_CUT_FOREST",
    "semantic-segmentation": "sagewright_container.algorithms.semantic_segmentation:SEMANTIC_SEGMENTATION",
    "seq2seq": "sagewright_container.algorithms.seq2seq:SEQ2SEQ",
    "xgboost": "sagewright_container.algorithms.xgboost:XGBOOST",
}


def load(name: str) -> Algorithm:
    """The algorithm of that name. Raises LookupError with those there are."""
    if name not in CATALOG:
        raise LookupError(f"No built-in algorithm is called {name!r}. There are: {', '.join(CATALOG)}.")
    module, _, attribute = CATALOG[name].partition(":")
    algorithm: Algorithm = getattr(importlib.import_module(module), attribute)
    return algorithm
