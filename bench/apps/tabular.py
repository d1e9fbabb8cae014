"""Libraries as scripts use them, each a process of its own: `tabular.py {make|train|predict|rate} …`.

make FOLDER ROWS            rows of 20 numbers: rows.csv (the label first), features.csv, rows.rec (RecordIO)
train NAME FOLDER           read rows.csv, fit, keep the model
predict NAME FOLDER         read features.csv, predict, write the answers
rate NAME FOLDER SECONDS    a thousand rows at a time, text to text: prints rows a second
"""

from __future__ import annotations

import io
import pickle
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

COLUMNS: Final = 20
BATCH: Final = 1000
_SAMPLE: Final = 100_000  # rows that k-NN keeps


class Case(NamedTuple):
    """An algorithm's environment and hyperparameters, and the function here that does the same without it."""

    environment: str
    hyperparameters: Mapping[str, object]
    fit: str
    label: bool = True
    record: bool = False  # the channel is RecordIO-protobuf
    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)  # rows
    library: str = ""  # the benchmarks' environment that has the library, where the algorithm's own has none
    slow: bool = False  # it runs only as often as it counts


# Add an algorithm here.
CASES: Final[Mapping[str, Case]] = {
    "xgboost": Case("xgboost", {"num_round": 50, "max_depth": 6, "objective": "reg:squarederror"}, "xgboost"),
    "lightgbm-regression-model": Case("lightgbm", {"num_boost_round": 50, "early_stopping_rounds": 0}, "lightgbm"),
    "catboost-regression-model": Case(
        "catboost", {"iterations": 50, "learning_rate": 0.1, "early_stopping_rounds": 0, "verbose": 10}, "catboost"
    ),
    # The SDK's hyperparameters choose no models: AutoGluon fits all it has, which takes hours for a million rows.
    "autogluon-regression-ensemble": Case("autogluon", {"verbosity": 0}, "autogluon", sizes=(1_000, 10_000), slow=True),
    "linear-learner": Case("scikit-learn", {"predictor_type": "regressor", "num_models": 1}, "ridge"),
    "kmeans": Case("scikit-learn", {"k": 10, "feature_dim": COLUMNS, "local_lloyd_max_iter": 50}, "kmeans", False),
    "pca": Case("scikit-learn", {"num_components": 10, "feature_dim": COLUMNS}, "pca", False),
    "knn": Case(
        "knn", {"k": 10, "feature_dim": COLUMNS, "predictor_type": "regressor", "sample_size": _SAMPLE}, "faiss"
    ),
    "randomcutforest": Case("scikit-learn", {"feature_dim": COLUMNS}, "isolation_forest", False),
    "factorization-machines": Case(
        "scikit-learn",
        {"feature_dim": COLUMNS, "predictor_type": "regressor", "num_factors": 8, "epochs": 3},
        "factorization_machines",
        record=True,
        library="myfm",
    ),
}


def make(folder: Path, rows: int) -> None:
    """A target that trees, lines and neighbors can all learn some of."""
    import numpy as np
    import pyarrow as arrow
    from pyarrow import csv

    random = np.random.default_rng(1)
    features = random.normal(size=(rows, COLUMNS)).astype(np.float32).round(6)
    target = (2 * features[:, 0] + features[:, 1] * features[:, 2] + random.normal(size=rows) / 2).astype(np.float32)
    options = csv.WriteOptions(include_header=False)
    for name, columns in (("rows", np.column_stack([target, features])), ("features", features)):
        table = arrow.table({str(number): column for number, column in enumerate(columns.T)})
        csv.write_csv(table, folder / f"{name}.csv", options)
    _records(folder / "rows.rec", features, target)


def _records(path: Path, features: Any, target: Any) -> None:
    """As the SDK's `record_set` writes them: float32 tensors called "values", of features and label."""
    import numpy as np

    def field(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    def entry(values: bytes) -> bytes:
        return field(1, b"values") + field(2, field(2, field(1, values)))

    wide = 4 * COLUMNS
    payload = field(1, entry(b"\1" * wide)) + field(2, entry(b"\2" * 4))
    framed = np.uint32([0xCED7230A, len(payload)]).tobytes() + payload + bytes(-len(payload) % 4)
    all_of_them = np.tile(np.frombuffer(framed, np.uint8), (len(features), 1))
    for value, place in ((features, framed.index(b"\1" * wide)), (target[:, None], framed.index(b"\2" * 4))):
        all_of_them[:, place : place + 4 * value.shape[1]] = np.ascontiguousarray(value, "<f4").view(np.uint8)
    all_of_them.tofile(path)


def read(source: Any) -> Any:
    """CSV as scripts read it."""
    import numpy as np
    import pandas as pd

    return pd.read_csv(source, header=None, dtype=np.float32).to_numpy()


def xgboost(rows: Any, label: Any) -> Callable[[Any], Any]:
    """Answers the function that predicts."""
    import xgboost as library

    settings = {"max_depth": 6, "objective": "reg:squarederror"}
    return _Xgboost(library.train(settings, library.DMatrix(rows, label), 50))


class _Xgboost:
    def __init__(self, booster: Any) -> None:
        self._booster = booster

    def __call__(self, rows: Any) -> Any:
        return self._booster.inplace_predict(rows)


def lightgbm(rows: Any, label: Any) -> Callable[[Any], Any]:
    """With a fifth held back to be measured, as ours."""
    import lightgbm as library

    held = len(rows) // 5
    settings = {"objective": "regression", "num_leaves": 64, "max_depth": 6, "min_data_in_leaf": 3, "verbosity": -1}
    bags = {"feature_fraction": 0.9, "bagging_fraction": 0.9, "bagging_freq": 1}
    training = library.Dataset(rows[held:], label[held:])
    validation = training.create_valid(rows[:held], label[:held])
    predict: Callable[[Any], Any] = library.train({**settings, **bags}, training, 50, valid_sets=[validation]).predict
    return predict


def catboost(rows: Any, label: Any) -> Callable[[Any], Any]:
    """With a fifth held back to be measured, as ours."""
    import catboost as library

    held = len(rows) // 5
    settings = {"iterations": 50, "learning_rate": 0.1, "verbose": 0, "allow_writing_files": False}
    sampled = {"bootstrap_type": "Bayesian", "sampling_frequency": "PerTreeLevel"}
    model = library.CatBoost({**settings, **sampled})
    predict: Callable[[Any], Any] = model.fit(rows[held:], label[held:], eval_set=(rows[:held], label[:held])).predict
    return predict


def autogluon(rows: Any, label: Any) -> Callable[[Any], Any]:
    """The models that need no networks, as ours; kept in a folder of AutoGluon's own beside the pickle."""
    import pandas as pd
    from autogluon.tabular import TabularPredictor

    predictor = TabularPredictor(0, "regression", path=tempfile.mkdtemp(), verbosity=0)
    frame = pd.DataFrame(rows, columns=range(1, COLUMNS + 1))
    frame.insert(0, 0, label)
    predictor.fit(frame, excluded_model_types=["NN_TORCH", "FASTAI"])
    return _AutoGluon(predictor.path)


class _AutoGluon:
    def __init__(self, path: str) -> None:
        self._path = path
        self._predictor: Any = None

    def __call__(self, rows: Any) -> Any:
        import pandas as pd
        from autogluon.tabular import TabularPredictor

        if self._predictor is None:
            self._predictor = TabularPredictor.load(self._path, verbosity=0)
            self._predictor.persist()
        return self._predictor.predict(pd.DataFrame(rows, columns=range(1, COLUMNS + 1))).to_numpy()


def ridge(rows: Any, label: Any) -> Callable[[Any], Any]:
    """Columns normalised, as ours."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    predict: Callable[[Any], Any] = make_pipeline(StandardScaler(), Ridge(1.0)).fit(rows, label).predict
    return predict


def kmeans(rows: Any, _label: Any) -> Callable[[Any], Any]:
    """Ten beginnings, as ours."""
    from sklearn.cluster import KMeans

    transform: Callable[[Any], Any] = KMeans(10, n_init=10, max_iter=50, random_state=0).fit(rows).transform
    return transform


def pca(rows: Any, _label: Any) -> Callable[[Any], Any]:
    """Exact."""
    from sklearn.decomposition import PCA

    transform: Callable[[Any], Any] = PCA(10, random_state=0).fit(rows).transform
    return transform


def factorization_machines(rows: Any, label: Any) -> Callable[[Any], Any]:
    """As many factors, as often over the rows; what myFM samples is kept once."""
    import myfm
    from scipy.sparse import csr_matrix

    model = myfm.MyFMRegressor(rank=8, random_seed=0)
    model.fit(csr_matrix(rows, dtype="f8"), label.astype("f8"), n_iter=3, n_kept_samples=1)
    return _Factors(model)


class _Factors:
    def __init__(self, model: Any) -> None:
        self._model = model

    def __call__(self, rows: Any) -> Any:
        from scipy.sparse import csr_matrix

        return self._model.predict(csr_matrix(rows, dtype="f8"))


def isolation_forest(rows: Any, _label: Any) -> Callable[[Any], Any]:
    """The nearest to cut trees that scikit-learn has."""
    from sklearn.ensemble import IsolationForest

    score: Callable[[Any], Any] = (
        IsolationForest(n_estimators=100, max_samples=256, random_state=0).fit(rows).score_samples
    )
    return score


def faiss(rows: Any, label: Any) -> Callable[[Any], Any]:
    """An exact index of as many rows as ours."""
    import numpy as np

    some = np.random.default_rng(0).permutation(len(rows))[:_SAMPLE]
    return _Neighbors(np.ascontiguousarray(rows[some]), label[some])


class _Neighbors:
    def __init__(self, rows: Any, label: Any) -> None:
        import faiss as library

        self._index = library.IndexFlatL2(rows.shape[1])
        self._index.add(rows)
        self._label = label

    def __call__(self, rows: Any) -> Any:
        return self._label[self._index.search(rows, 10)[1]].mean(axis=1)


def train(name: str, folder: Path) -> None:
    """Fit and keep."""
    rows = read(folder / "rows.csv")
    with (folder / f"{name}.pickle").open("wb") as file:
        pickle.dump(globals()[CASES[name].fit](rows[:, 1:], rows[:, 0]), file)


def predict(name: str, folder: Path) -> None:
    """From file to file."""
    with (folder / f"{name}.pickle").open("rb") as file:
        model = pickle.load(file)
    _write(model(read(folder / "features.csv")), folder / "plain.out")


def rate(name: str, folder: Path, seconds: float) -> float:
    """From text to text."""
    with (folder / f"{name}.pickle").open("rb") as file:
        model = pickle.load(file)
    with (folder / "features.csv").open() as file:
        body = "".join(next(file) for _ in range(BATCH))
    done, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds or done < 2:
        _write(model(read(io.StringIO(body))), io.StringIO())
        done += 1
    return done * BATCH / (time.perf_counter() - begun)


def _write(answers: Any, target: Any) -> None:
    import pandas as pd

    pd.DataFrame(answers).to_csv(target, header=False, index=False)


if __name__ == "__main__":
    sys.modules["tabular"] = sys.modules["__main__"]  # where pickles find the classes
    what, *more = sys.argv[1:]
    if what == "make":
        make(Path(more[0]), int(more[1]))
    elif what == "train":
        train(more[0], Path(more[1]))
    elif what == "predict":
        predict(more[0], Path(more[1]))
    else:
        print(rate(more[0], Path(more[1]), float(more[2])))
