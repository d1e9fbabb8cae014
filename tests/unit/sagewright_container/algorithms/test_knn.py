"""k-NN's declarations and the rules between its hyperparameters."""

from __future__ import annotations

import re

import pytest

from sagewright_container.algorithms.errors import ClientError
from sagewright_container.algorithms.hyperparameters import validate
from sagewright_container.algorithms.knn import KNN

GIVEN = {"feature_dim": "8", "k": "3", "predictor_type": "classifier", "sample_size": "100"}


def test_what_is_not_said_is_a_flat_index() -> None:
    values = validate(KNN.hyperparameters, {**GIVEN, "mini_batch_size": "500"})
    KNN.check(values)
    assert (values["index_type"], values["index_metric"], values["faiss_index_ivf_nlists"]) == (
        *("faiss.Flat", "L2"),
        "auto",
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"k": "0"}, "k: 0 is not in"),
        ({"k": "101"}, "there are only sample_size neighbors: 100"),
        ({"index_type": "faiss.HNSW"}, "index_type: faiss.HNSW is not one of"),
        ({"dimension_reduction_type": "sign"}, "give both, or none"),
        ({"dimension_reduction_target": "4"}, "give both, or none"),
        ({"dimension_reduction_type": "fjlt", "dimension_reduction_target": "8"}, "must be below feature_dim, 8"),
        ({"index_type": "faiss.IVFPQ"}, "needs the hyperparameter faiss_index_pq_m"),
        ({"index_type": "faiss.IVFPQ", "faiss_index_pq_m": "5"}, "faiss_index_pq_m: 5 is not one of"),
        ({"index_type": "faiss.IVFPQ", "faiss_index_pq_m": "4", "index_metric": "COSINE"}, "COSINE does not go with"),
    ],
)
def test_what_does_not_go_together(given: dict[str, str], told: str) -> None:
    with pytest.raises(ClientError, match=re.escape(told)):
        KNN.check(validate(KNN.hyperparameters, {**GIVEN, **given}))
