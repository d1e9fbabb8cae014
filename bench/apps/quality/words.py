"""The algorithms for texts, sequences and pairs, each beside a library or a plain network of the same sizes."""

from __future__ import annotations

import gzip
import json
import math
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.apps.quality.tables import ratings, ridge
from bench.apps.quality.trial import CSV, DATA, JSON, Told, Trial, csv, library
from sagewright_container import recordio

_UNLABELLED = f"{CSV};label_size=0"
_RECORDIO = "application/x-recordio-protobuf"


def reviews() -> tuple[list[list[str]], list[list[str]]]:
    """(opinion, words) of each review: 800 to train, 200 held out."""
    lines = gzip.decompress((DATA / "reviews.tsv.gz").read_bytes()).decode().splitlines()
    told = [line.split("\t") for line in lines]
    return told[:800], told[800:]


def counted() -> tuple[Any, Any]:
    """How often each of the thousand commonest words (but for stop words) is in each review."""
    from sklearn.feature_extraction.text import CountVectorizer

    train, test = reviews()
    vectorizer = CountVectorizer(max_features=1000, stop_words="english")
    rows = vectorizer.fit_transform([words for _, words in train]).toarray()
    return rows, vectorizer.transform([words for _, words in test]).toarray()


def blazingtext(base: Path) -> Told:
    """Negative or positive."""
    import fasttext

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # its threads race each other: no two runs would be alike
    train, test = reviews()
    lines = "".join(f"__label__{opinion} {words}\n" for opinion, words in train)
    trial = Trial(base, "blazingtext")
    trial.write("train", "text/plain", lines)
    sizes = {"epochs": 50, "learning_rate": 0.2, "vector_dim": 20, "word_ngrams": 1, "min_count": 3, "buckets": 1000}
    trial.train({"mode": "supervised", **sizes})
    texts = [words for _, words in test]
    answers = json.loads(trial.ask(json.dumps({"instances": texts}), JSON))
    path = base / "plain.txt"
    path.write_text(lines)
    settings = {"epoch": 50, "lr": 0.2, "dim": 20, "wordNgrams": 1, "minCount": 3, "bucket": 1000}
    model = fasttext.train_supervised(str(path), loss="softmax", thread=1, verbose=0, **settings)
    return Told(
        "reviews",
        "accuracy",
        _right([answer["label"][0] for answer in answers], test),
        _right([each[0] for each in model.predict(texts)[0]], test),
        library("fasttext-wheel"),
        "50 epochs, learning rate 0.2, 20 dimensions, one thread",
    )


def _right(labels: Sequence[str], test: Any) -> float:
    return float(np.mean([label == f"__label__{opinion}" for label, (opinion, _) in zip(labels, test, strict=True)]))


def lda(base: Path) -> Told:
    """Topics of reviews."""
    from sklearn.decomposition import LatentDirichletAllocation

    rows, others = counted()
    trial = Trial(base, "lda")
    trial.write("train", _UNLABELLED, csv(rows.tolist()))
    trial.write("test", _UNLABELLED, csv(others.tolist()))
    said = trial.train({"num_topics": 10, "feature_dim": rows.shape[1], "alpha0": 1.0, "max_iterations": 50})
    ours = float(said.split("test pwll <score>=")[1].split()[0])
    model = LatentDirichletAllocation(
        10, doc_topic_prior=0.1, max_iter=50, perp_tol=1e-3, evaluate_every=5, random_state=0
    ).fit(rows)
    return Told(
        "reviews, the 1,000 commonest words",
        "log likelihood of a word held out",
        ours,
        model.score(others) / others.sum(),
        f"LatentDirichletAllocation of {library('scikit-learn')}",
        "10 topics, alpha0 1, 50 iterations",
    )


def ntm(base: Path) -> Told:
    """Topics of reviews, by a network."""
    from sklearn.decomposition import LatentDirichletAllocation

    rows, others = counted()
    trial = Trial(base, "ntm")
    trial.write("train", _UNLABELLED, csv(rows.tolist()))
    trial.write("test", _UNLABELLED, csv(others.tolist()))
    said = trial.train(
        {"num_topics": 10, "feature_dim": rows.shape[1], "epochs": 60, "optimizer": "adam", "learning_rate": 0.005}
        | {"mini_batch_size": 64, "encoder_layers_activation": "relu"}
    )
    loss = float(said.split("test total_loss <loss>=")[1].split()[0])
    model = LatentDirichletAllocation(10, max_iter=50, random_state=0).fit(rows)
    return Told(
        "reviews, the 1,000 commonest words",
        "perplexity of a word held out (its upper bound)",
        math.exp(loss * len(others) / others.sum()),
        float(model.perplexity(others)),
        f"LatentDirichletAllocation of {library('scikit-learn')}",
        "10 topics, 60 epochs, Adam, learning rate 0.005",
        more=False,
    )


def ip_insights(base: Path) -> Told:
    """Who logs in from where: entities have one to three networks of their own."""
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    chance = random.Random(0)
    homes = [
        [(chance.randrange(1, 224), chance.randrange(256)) for _ in range(chance.randint(1, 3))] for _ in range(200)
    ]

    def drawn(count: int) -> list[tuple[str, str]]:
        told = []
        for _ in range(count):
            entity = chance.randrange(len(homes))
            first, second = chance.choice(homes[entity])
            told.append((f"user{entity}", f"{first}.{second}.{chance.randrange(256)}.{chance.randrange(256)}"))
        return told

    def others(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
        addresses = [address for _, address in pairs]
        chance.shuffle(addresses)
        return [(entity, address) for (entity, _), address in zip(pairs, addresses, strict=True)]

    train, test = drawn(20_000), drawn(4_000)
    asked = test + others(test)
    true = np.repeat([1, 0], len(test))
    trial = Trial(base, "ipinsights")
    trial.write("train", CSV, csv(train))
    trial.train(
        {"num_entity_vectors": 2000, "vector_dim": 64, "epochs": 30, "mini_batch_size": 500, "learning_rate": 0.005}
        | {"shuffled_negative_sampling_rate": 2}
    )
    ours = [each["dot_product"] for each in json.loads(trial.ask(csv(asked), CSV))["predictions"]]

    def columns(pairs: list[tuple[str, str]]) -> Any:
        told = [[f"{entity} {'.'.join(address.split('.')[:size])}" for size in (1, 2, 3)] for entity, address in pairs]
        return FeatureHasher(1 << 18, input_type="string").transform(told)

    known = columns(train + others(train))
    model = LogisticRegression(max_iter=200).fit(known, np.repeat([1, 0], len(train)))
    return Told(
        "24,000 logins of 200 users from networks of their own",
        "area under the ROC curve, against addresses of other users",
        float(roc_auc_score(true, ours)),
        float(roc_auc_score(true, model.decision_function(columns(asked)))),
        f"LogisticRegression of {library('scikit-learn')} on users with prefixes: no library has the algorithm",
        "64 dimensions, 30 epochs, learning rate 0.005",
    )


def object2vec(base: Path) -> Told:
    """Ratings, of a user and an item."""
    train, test, users, items = ratings()
    trial = Trial(base, "object2vec")
    for channel, told in (("train", train), ("test", test)):
        lines = "".join(
            json.dumps({"in0": [int(user)], "in1": [int(item)], "label": rating}) + "\n"
            for user, item, rating in told.tolist()
        )
        trial.write(channel, "application/jsonlines", lines)
    said = trial.train(
        {"enc0_max_seq_len": 1, "enc1_max_seq_len": 1, "enc0_vocab_size": users, "enc1_vocab_size": items}
        | {"enc0_network": "pooled_embedding", "enc1_network": "pooled_embedding", "enc0_token_embedding_dim": 16}
        | {"enc_dim": 16, "mlp_dim": 64, "mlp_layers": 1, "mlp_activation": "relu", "epochs": 20}
        | {"output_layer": "mean_squared_error", "learning_rate": 0.003, "mini_batch_size": 128}
    )
    return Told(
        "20,000 ratings made of 4 factors with noise of 0.5",
        "RMSE",
        math.sqrt(float(said.split("test mean_squared_error <loss>=")[1].split()[0])),
        ridge(train, test, users, items),
        f"Ridge of {library('scikit-learn')} on users and items: no library has the algorithm",
        "16 dimensions, 20 epochs, learning rate 0.003",
        more=False,
    )


_WORDS = 12
_SPECIAL = 4
_LONGEST = 8


def _sentences(count: int, seed: int) -> list[list[int]]:
    chance = random.Random(seed)
    return [
        [chance.randrange(_SPECIAL, _SPECIAL + _WORDS) for _ in range(chance.randint(3, _LONGEST))]
        for _ in range(count)
    ]


def seq2seq(base: Path) -> Told:
    """Sentences turned round."""
    train, held, test = _sentences(4000, 0), _sentences(200, 1), _sentences(300, 2)
    trial = Trial(base, "seq2seq")
    for channel, some in (("train", train), ("validation", held)):
        trial.write(
            channel, _RECORDIO, recordio.write_integers([{"source": each, "target": each[::-1]} for each in some])
        )
    words = {word: number for number, word in enumerate(["<pad>", "<unk>", "<s>", "</s>", *map(str, range(_WORDS))])}
    for name in ("vocab.src.json", "vocab.trg.json"):
        trial.write("vocab", JSON, json.dumps(words), name)
    sizes = {"rnn_num_hidden": 64, "num_embed_source": 32, "num_embed_target": 32, "batch_size": 32}
    trial.train(
        {**sizes, "learning_rate": 0.003, "max_num_epochs": 10, "rnn_attention_type": "dot", "beam_size": 1}
        | {"max_seq_len_source": _LONGEST, "max_seq_len_target": _LONGEST, "checkpoint_frequency_num_batches": 125}
        | {"checkpoint_threshold": 100}
    )
    texts = [" ".join(str(word - _SPECIAL) for word in each) for each in test]
    answer = json.loads(trial.ask(json.dumps({"instances": [{"data": text} for text in texts]}), JSON))
    ours = [
        [int(word) + _SPECIAL for word in each["target"].split() if word.isdigit()] for each in answer["predictions"]
    ]
    from bench.apps.quality.plain_sequences import translated

    theirs = translated(train, test, _WORDS + _SPECIAL, epochs=10, rate=0.003)
    wanted = [each[::-1] for each in test]
    return Told(
        "4,000 sentences of 3 to 8 words, to be turned round",
        "share of sentences that are right word for word",
        float(np.mean([one == other for one, other in zip(ours, wanted, strict=True)])),
        float(np.mean([one == other for one, other in zip(theirs, wanted, strict=True)])),
        f"a plain LSTM with dot attention on {library('torch')}",
        "64 cells, 32 dimensions, 10 epochs, Adam, learning rate 0.003, greedy",
    )


def deepar(base: Path) -> Told:
    """The last year of passengers."""
    import torch
    from gluonts.dataset.common import ListDataset
    from gluonts.torch.model.deepar import DeepAREstimator

    rows = (DATA / "airline-passengers.csv").read_text().split()[1:]
    target = [float(row.split(",")[1]) for row in rows]
    start, ahead = "1949-01-01 00:00:00", 12
    trial = Trial(base, "forecasting-deepar")
    trial.write("train", JSON, json.dumps({"start": start, "target": target[:-ahead]}) + "\n", "series.json")
    trial.write("test", JSON, json.dumps({"start": start, "target": target}) + "\n", "series.json")
    settings = {"prediction_length": ahead, "context_length": 24, "dropout_rate": 0.1, "num_layers": 2}
    said = trial.train(
        {**settings, "time_freq": "M", "epochs": 300, "learning_rate": 0.005, "num_cells": 40, "mini_batch_size": 32}
    )
    ours = float(said.split("test mean_wQuantileLoss <loss>=")[1].split()[0])
    torch.manual_seed(0)
    np.random.seed(0)
    trainer = {"max_epochs": 300, "default_root_dir": str(base), "logger": False, "enable_progress_bar": False}
    estimator = DeepAREstimator(
        freq="M", **settings, hidden_size=40, lr=0.005, batch_size=32, num_batches_per_epoch=1, trainer_kwargs=trainer
    )
    known = ListDataset([{"start": start, "target": target[:-ahead]}], freq="M")
    (forecast,) = estimator.train(known).predict(known)
    true, levels = np.array(target[-ahead:]), np.arange(1, 10) / 10
    over = true - np.array([forecast.quantile(level) for level in levels])
    theirs = np.mean(2 * np.maximum(levels[:, None] * over, (levels[:, None] - 1) * over).sum(axis=1) / true.sum())
    return Told(
        "airline passengers, the last of 12 years",
        "mean weighted quantile loss",
        ours,
        float(theirs),
        f"DeepAREstimator of {library('gluonts')}",
        "context 24, 40 cells, 300 epochs, learning rate 0.005, the same seed",
        more=False,
    )
