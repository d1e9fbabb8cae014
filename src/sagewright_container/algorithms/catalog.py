"""The built-in algorithms: name → "module:attribute" of an `Algorithm`, loaded when it is run."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sagewright_container.algorithms.base import Algorithm

# Add an algorithm here: one file, one line.
CATALOG = {
    "forecasting-deepar": "sagewright_container.algorithms.deepar:DEEPAR",
    "kmeans": "sagewright_container.algorithms.kmeans:KMEANS",
    "lda": "sagewright_container.algorithms.lda:LDA",
    "object2vec": "sagewright_container.algorithms.object2vec:OBJECT2VEC",
    "pca": "sagewright_container.algorithms.pca:PCA",
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
