"""The algorithms for rows of numbers, each beside the library it stands on or scikit-learn's nearest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from bench.apps.quality.trial import CSV, DATA, Told, Trial, csv, labelled, library
from sagewright_container import recordio

_UNLABELLED = f"{CSV};label_size=0"
_AREA = "area under the ROC curve"
_LIGHTGBM = "100 rounds, 31 leaves, learning rate 0.05, else AWS's defaults"
_AUTOGLUON = "medium_quality without networks, on one thread, else AWS's defaults"
_CATBOOST = "300 iterations, learning rate 0.1, else AWS's defaults"


def _split(rows: Any, labels: Any) -> tuple[Any, Any, Any, Any]:
    """A quarter is held out."""
    parts: list[Any] = train_test_split(rows, labels, test_size=0.25, random_state=0)
    return parts[0], parts[1], parts[2], parts[3]


def _rmse(labels: Any, predicted: Any) -> float:
    return float(np.sqrt(np.mean((labels - predicted) ** 2)))


def abalone() -> tuple[Any, Any, Any, Any]:
    """Rows of numbers (the sex as 0, 1, 2), and the rings."""
    cells = [line.split(",") for line in (DATA / "abalone.csv").read_text().split()]
    rows = np.array([["FIM".index(row[0]), *map(float, row[1:-1])] for row in cells])
    return _split(rows, np.array([float(row[-1]) for row in cells]))


def xgboost(base: Path) -> Told:
    """Rings, by trees."""
    import xgboost as peer

    rows, others, labels, true = abalone()
    settings = {"num_round": 100, "max_depth": 4, "eta": 0.1, "subsample": 0.8, "seed": 1}
    trial = Trial(base, "xgboost")
    trial.write("train", CSV, labelled(rows, labels))
    trial.train({**settings, "objective": "reg:squarederror"})
    ours = np.array([float(each) for each in trial.ask(csv(others.tolist()), CSV, CSV).decode().split(",")])
    own = {name: value for name, value in settings.items() if name != "num_round"}
    booster = peer.train(own, peer.DMatrix(rows.astype(np.float32), labels), 100)
    theirs = booster.predict(peer.DMatrix(others.astype(np.float32)))
    return Told(
        "abalone",
        "RMSE of rings",
        _rmse(true, ours),
        _rmse(true, theirs),
        library("xgboost-cpu"),
        "100 rounds, depth 4, eta 0.1, subsample 0.8",
        more=False,
    )


def lightgbm_regression(base: Path) -> Told:
    """Rings, by trees."""
    data = abalone()
    ours, theirs = _lightgbm(base, "lightgbm-regression-model", data, {"objective": "regression"})
    told = (_rmse(data[3], _numbers(ours)), _rmse(data[3], theirs))
    return Told("abalone", "RMSE of rings", *told, library("lightgbm"), _LIGHTGBM, more=False)


def lightgbm_classification(base: Path) -> Told:
    """Malignant or benign, by trees."""
    data = _split(*datasets.load_breast_cancer(return_X_y=True))
    ours, theirs = _lightgbm(base, "lightgbm-classification-model", data, {"objective": "binary"})
    told = (float(roc_auc_score(data[3], each)) for each in (_numbers(ours), theirs))
    return Told("breast cancer", _AREA, *told, library("lightgbm"), _LIGHTGBM)


def _lightgbm(base: Path, name: str, data: Any, objective: dict[str, Any]) -> tuple[list[str], Any]:
    import lightgbm as peer

    rows, others, labels, _ = data
    trial = _with_validation(base, name, data)
    trial.train({"num_boost_round": 100, "early_stopping_rounds": 0, "learning_rate": 0.05, "num_leaves": 31})
    own = {**objective, "learning_rate": 0.05, "num_leaves": 31, "max_depth": 6, "min_data_in_leaf": 3}
    bags = {"feature_fraction": 0.9, "bagging_fraction": 0.9, "bagging_freq": 1, "verbosity": -1}
    booster = peer.train({**own, **bags}, peer.Dataset(rows, labels), 100)
    return _lines(trial, others), booster.predict(others)


def catboost_regression(base: Path) -> Told:
    """Rings, by trees."""
    data = abalone()
    ours, model = _catboost(base, "catboost-regression-model", data, {"eval_metric": "RMSE"})
    told = (_rmse(data[3], _numbers(ours)), _rmse(data[3], model.predict(data[1])))
    return Told("abalone", "RMSE of rings", *told, library("catboost"), _CATBOOST, more=False)


def catboost_classification(base: Path) -> Told:
    """Malignant or benign, by trees."""
    data = _split(*datasets.load_breast_cancer(return_X_y=True))
    objective = {"eval_metric": "AUC", "loss_function": "Logloss", "scale_pos_weight": 1}
    ours, model = _catboost(base, "catboost-classification-model", data, objective)
    theirs = model.predict(data[1], prediction_type="Probability")[:, 1]
    told = (float(roc_auc_score(data[3], each)) for each in (_numbers(ours), theirs))
    return Told("breast cancer", _AREA, *told, library("catboost"), _CATBOOST)


def _catboost(base: Path, name: str, data: Any, objective: dict[str, Any]) -> tuple[list[str], Any]:
    import catboost as peer

    rows, others, labels, true = data
    trial = _with_validation(base, name, data)
    trial.train({"iterations": 300, "learning_rate": 0.1, "early_stopping_rounds": 0})
    own = {"iterations": 300, "learning_rate": 0.1, "l2_leaf_reg": 3, "random_seed": 1, "verbose": 0}
    bags = {"bootstrap_type": "Bayesian", "bagging_temperature": 1, "sampling_frequency": "PerTreeLevel"}
    model = peer.CatBoost({**own, **bags, **objective, "allow_writing_files": False})
    return _lines(trial, others), model.fit(rows, labels, eval_set=(others, true))


def autogluon_regression(base: Path) -> Told:
    """Rings, by an ensemble."""
    data = abalone()
    ours, theirs = _autogluon(base, "autogluon-regression-ensemble", data, "regression", "root_mean_squared_error")
    told = (_rmse(data[3], _numbers(ours)), _rmse(data[3], theirs))
    return Told("abalone", "RMSE of rings", *told, library("autogluon.tabular"), _AUTOGLUON, more=False)


def autogluon_classification(base: Path) -> Told:
    """Malignant or benign, by an ensemble."""
    data = _split(*datasets.load_breast_cancer(return_X_y=True))
    ours, theirs = _autogluon(base, "autogluon-classification-ensemble", data, "binary", "roc_auc")
    told = (float(roc_auc_score(data[3], each)) for each in (_numbers(ours), theirs))
    return Told("breast cancer", _AREA, *told, library("autogluon.tabular"), _AUTOGLUON)


def _autogluon(base: Path, name: str, data: Any, problem: str, metric: str) -> tuple[list[str], Any]:
    """Validated by rows that AutoGluon holds back, not by those that are asked about."""
    import pandas as pd
    from autogluon.tabular import TabularPredictor

    rows, others, labels, _ = data
    trial = Trial(base, name)
    trial.write("train", CSV, labelled(rows, labels))
    trial.train({})
    frame = pd.DataFrame(np.column_stack([labels, rows]))
    predictor = TabularPredictor(0, problem, metric, path=str(base / "peer"), verbosity=0)
    predictor.fit(frame, excluded_model_types=["NN_TORCH", "FASTAI"], num_cpus=1)
    asked = pd.DataFrame(others, columns=frame.columns[1:])
    if problem == "regression":
        return _lines(trial, others), predictor.predict(asked).to_numpy()
    return _lines(trial, others), predictor.predict_proba(asked).iloc[:, 1].to_numpy()


def _with_validation(base: Path, name: str, data: Any) -> Trial:
    rows, others, labels, true = data
    trial = Trial(base, name)
    trial.write("train", CSV, labelled(rows, labels))
    trial.write("validation", CSV, labelled(others, true))
    return trial


def _lines(trial: Trial, rows: Any) -> list[str]:
    return trial.ask(csv(rows.tolist()), CSV, CSV).decode().split()


def _numbers(lines: list[str]) -> Any:
    """The last cell of each line: a number, or the probability of class 1."""
    return np.array([float(line.split(",")[-1]) for line in lines])


def linear_learner(base: Path) -> Told:
    """Malignant or benign."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rows, others, labels, true = _split(*datasets.load_breast_cancer(return_X_y=True))
    trial = Trial(base, "linear-learner")
    trial.write("train", CSV, labelled(rows, labels))
    trial.train({"predictor_type": "binary_classifier", "num_models": 1, "epochs": 50})
    ours = trial.column(others.tolist(), "score")
    scaler = StandardScaler().fit(rows)
    # Both minimise the mean loss + wd/2 of the squared weights, with wd = 1 / rows.
    model = LogisticRegression(C=1.0, max_iter=1000).fit(scaler.transform(rows), labels)
    theirs = model.predict_proba(scaler.transform(others))[:, 1]
    return Told(
        "breast cancer",
        _AREA,
        float(roc_auc_score(true, ours)),
        float(roc_auc_score(true, theirs)),
        f"LogisticRegression of {library('scikit-learn')}",
        "logistic loss, wd 1/rows, one model",
    )


def kmeans(base: Path) -> Told:
    """Digits in ten clusters."""
    from sklearn.cluster import KMeans

    rows = datasets.load_digits().data
    trial = Trial(base, "kmeans")
    trial.write("train", _UNLABELLED, csv(rows.tolist()))
    trial.train({"k": 10, "feature_dim": 64})
    ours = float(np.mean(trial.column(rows.tolist(), "distance_to_cluster") ** 2))
    model = KMeans(10, n_init=10, random_state=0).fit(rows)
    return Told(
        "digits",
        "mean squared distance to the center",
        ours,
        float(model.inertia_) / len(rows),
        f"KMeans of {library('scikit-learn')}",
        "k 10, the best of 10 beginnings",
        more=False,
    )


def pca(base: Path) -> Told:
    """Digits on ten components."""
    from sklearn.decomposition import PCA

    rows, others, _, _ = _split(*datasets.load_digits(return_X_y=True))
    trial = Trial(base, "pca")
    trial.write("train", _UNLABELLED, csv(rows.tolist()))
    trial.train({"num_components": 10, "feature_dim": 64})
    ours = trial.column(others.tolist(), "projection")
    theirs = PCA(10, random_state=0).fit(rows).transform(others)
    whole = float(np.sum((others - rows.mean(axis=0)) ** 2))
    return Told(
        "digits",
        "share of the variance of rows held out",
        float(np.sum(ours**2)) / whole,
        float(np.sum(theirs**2)) / whole,
        f"PCA of {library('scikit-learn')}",
        "10 components, the mean subtracted",
    )


def knn(base: Path) -> Told:
    """Which digit."""
    from sklearn.neighbors import KNeighborsClassifier

    rows, others, labels, true = _split(*datasets.load_digits(return_X_y=True))
    trial = Trial(base, "knn")
    trial.write("train", CSV, labelled(rows, labels))
    trial.train({"k": 5, "feature_dim": 64, "sample_size": len(rows), "predictor_type": "classifier"})
    ours = trial.column(others.tolist(), "predicted_label")
    theirs = KNeighborsClassifier(5).fit(rows, labels).predict(others)
    return Told(
        "digits",
        "accuracy",
        float(np.mean(ours == true)),
        float(np.mean(theirs == true)),
        f"KNeighborsClassifier of {library('scikit-learn')}",
        "k 5, Euclidean, all rows",
    )


def random_cut_forest(base: Path) -> Told:
    """Each digit in turn is the usual one; how well are others told from it?"""
    from sklearn.ensemble import IsolationForest

    rows, labels = datasets.load_digits(return_X_y=True)
    ours, theirs = [], []
    for digit in range(10):
        usual, others = rows[labels == digit], rows[labels != digit][::20]
        asked = np.concatenate([usual[130:], others])
        anomalous = np.arange(len(asked)) >= len(usual) - 130
        trial = Trial(base / str(digit), "randomcutforest")
        trial.write("train", _UNLABELLED, csv(usual[:130].tolist()))
        trial.train({"feature_dim": 64, "num_trees": 100, "num_samples_per_tree": 128})
        ours.append(roc_auc_score(anomalous, trial.column(asked.tolist(), "score")))
        forest = IsolationForest(n_estimators=100, max_samples=128, random_state=0).fit(usual[:130])
        theirs.append(roc_auc_score(anomalous, -forest.score_samples(asked)))
    return Told(
        "digits, each in turn the usual one",
        "area under the ROC curve, the mean of ten",
        float(np.mean(ours)),
        float(np.mean(theirs)),
        f"IsolationForest of {library('scikit-learn')}: another kind of forest, and ahead where one column alone tells",
        "100 trees, 128 rows each",
    )


def ratings() -> tuple[Any, Any, int, int]:
    """Users' ratings of items, made of four factors and noise of 0.5: (user, item, rating), to train and held out."""
    random = np.random.default_rng(0)
    users, items = 300, 200
    ours, theirs = random.normal(size=(users, 4)), random.normal(size=(items, 4))
    liked, known = random.normal(size=users), random.normal(size=items)
    pairs = random.permutation(users * items)[:20_000]
    user, item = pairs // items, pairs % items
    rating = 3 + 0.5 * (liked[user] + known[item]) + 0.5 * (ours[user] * theirs[item]).sum(axis=1)
    told = np.column_stack([user, item, rating + random.normal(scale=0.5, size=len(pairs))])
    return told[:16_000], told[16_000:], users, items


def ridge(train: Any, test: Any, users: int, items: int) -> float:
    """The error of a linear model of users and items."""
    from sklearn.linear_model import Ridge

    model = Ridge(1.0).fit(one_hot(train, users, items), train[:, 2])
    return _rmse(test[:, 2], model.predict(one_hot(test, users, items)))


def one_hot(told: Any, users: int, items: int) -> Any:
    """A CSR matrix of a column for each user and each item."""
    from scipy import sparse

    columns = np.column_stack([told[:, 0], users + told[:, 1]]).astype(int).ravel()
    starts = np.arange(0, len(columns) + 1, 2)
    return sparse.csr_matrix((np.ones(len(columns), np.float32), columns, starts), shape=(len(told), users + items))


def factorization_machines(base: Path) -> Told:
    """Ratings; no library that is kept has these machines."""
    train, test, users, items = ratings()
    trial = Trial(base, "factorization-machines")
    for channel, told in (("train", train), ("test", test)):
        trial.write(channel, "application/x-recordio-protobuf", _sparse(told, users))
    said = trial.train(
        {"predictor_type": "regressor", "feature_dim": users + items, "num_factors": 4, "epochs": 60}
        | {"mini_batch_size": 200, "factors_lr": 0.01, "linear_lr": 0.01, "bias_lr": 0.1, "factors_init_sigma": 0.1}
        | {"bias_wd": 0, "linear_wd": 0.0001, "factors_wd": 0.0001}
    )
    ours = float(said.split("test rmse <loss>=")[1].split()[0])
    return Told(
        "20,000 ratings made of 4 factors with noise of 0.5",
        "RMSE",
        ours,
        ridge(train, test, users, items),
        f"Ridge of {library('scikit-learn')} on the same columns: no library has the machines",
        "4 factors, 60 epochs, learning rates 0.01",
        more=False,
    )


def _sparse(told: Any, users: int) -> bytes:
    def field(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    def varint(number: int) -> bytes:
        return bytes([number & 0x7F | 0x80, number >> 7]) if number > 0x7F else bytes([number])

    records = []
    for user, item, rating in told.tolist():
        keys = varint(int(user)) + varint(users + int(item))
        tensor = field(1, np.ones(2, "<f4").tobytes()) + field(2, keys)
        features = field(1, field(1, b"values") + field(2, field(2, tensor)))
        label = field(2, field(1, b"values") + field(2, field(2, field(1, np.float32(rating).tobytes()))))
        records.append(recordio.frame(features + label))
    return b"".join(records)


def tabtransformer_classification(base: Path) -> Told:
    """Who leaves a telephone company."""
    from sklearn.neural_network import MLPClassifier

    cells = [line.split(",") for line in (DATA / "churn.csv").read_text().split()]
    data = _split(np.array([row[1:] for row in cells], object), np.array([int(row[0]) for row in cells]))
    words = (0, 2, 3, 4)  # state, area, the two plans
    ours = _numbers(_transformed(base, "pytorch-tabtransformerclassification-model", data, words))
    models = [_dense(MLPClassifier, seed, data, words) for seed in range(5)]
    theirs = [roc_auc_score(data[3], model.predict_proba(data[1])[:, 1]) for model in models]
    told = (float(roc_auc_score(data[3], ours)), float(np.median(theirs)))
    return Told("churn", _AREA, *told, f"MLPClassifier of {_ONE_HOT}", _TRANSFORMER)


def tabtransformer_regression(base: Path) -> Told:
    """Rings."""
    from sklearn.neural_network import MLPRegressor

    data = abalone()
    ours = _numbers(_transformed(base, "pytorch-tabtransformerregression-model", data, (0,)))
    models = [_dense(MLPRegressor, seed, data, (0,)) for seed in range(5)]
    theirs = [_rmse(data[3], model.predict(data[1])) for model in models]
    told = (_rmse(data[3], ours), float(np.median(theirs)))
    return Told("abalone", "RMSE of rings", *told, f"MLPRegressor of {_ONE_HOT}", _TRANSFORMER, more=False)


_ONE_HOT = f"{library('scikit-learn')} on one-hot categories, the median of 5"
_TRANSFORMER = "60 epochs at the most, else AWS's defaults"


def _transformed(base: Path, name: str, data: Any, words: tuple[int, ...]) -> list[str]:
    rows, others, labels, _ = data
    fitted, watched, known, seen = _split(rows, labels)
    trial = _with_validation(base, name, (fitted, watched, known, seen))
    columns = ", ".join(str(column + 1) for column in words)
    trial.write("train", CSV, f'{{"cat_index_list": [{columns}]}}', "categorical_index.json")
    trial.train({"n_epochs": 60, "patience": 10, "batch_size": 64})
    return _lines(trial, others)


def _dense(kind: Any, seed: int, data: Any, words: tuple[int, ...]) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = [column for column in range(data[0].shape[1]) if column not in words]
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), list(words)), (StandardScaler(), numbers)
    )
    network = kind(hidden_layer_sizes=(128, 64), early_stopping=True, max_iter=60, random_state=seed)
    return make_pipeline(columns, network).fit(data[0], data[2])
