"""Data-parallel training on the housing data with TensorFlow's MultiWorkerMirroredStrategy."""

import json
import os
from pathlib import Path

import numpy as np
import tensorflow as tf

strategy = tf.distribute.MultiWorkerMirroredStrategy()
rows = np.loadtxt(Path(os.environ["SM_CHANNEL_TRAIN"]) / "housing.csv", delimiter=",")
rows = (rows - rows.mean(0)) / rows.std(0)
replicas = strategy.num_replicas_in_sync
whole = tf.data.Dataset.from_tensor_slices((rows[:500, :-1], rows[:500, -1:])).batch(100)
options = tf.data.Options()
options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
shares = strategy.experimental_distribute_dataset(whole.with_options(options))

with strategy.scope():
    random = np.random.default_rng(7)
    first = tf.Variable(random.normal(size=(13, 8)) / 4, dtype=tf.float64)
    second = tf.Variable(random.normal(size=(8, 1)) / 4, dtype=tf.float64)


@tf.function
def step(features: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """One step of gradient descent on a replica's share of a batch of 100."""
    with tf.GradientTape() as tape:
        predicted = tf.tanh(features @ first) @ second
        loss = tf.reduce_sum((predicted - targets) ** 2) / 100
    context = tf.distribute.get_replica_context()
    gradients = context.all_reduce("sum", tape.gradient(loss, [first, second]))
    for variable, gradient in zip((first, second), gradients, strict=True):
        variable.assign_sub(0.05 * gradient)
    return loss


losses = []
for _ in range(3):
    for features, targets in shares:
        loss = strategy.run(step, args=(features, targets))
        losses.append(float(strategy.reduce("sum", loss, axis=None)))

me = json.loads(os.environ["TF_CONFIG"])["task"]["index"] if "TF_CONFIG" in os.environ else 0
print(f"train_loss={losses[-1]:.10f}; replicas={replicas}")
if me == 0:
    report = {"world": replicas, "losses": losses}
    Path(os.environ["SM_MODEL_DIR"], "losses.json").write_text(json.dumps(report))
