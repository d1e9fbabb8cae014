"""As scripts for TensorFlow 2 were written: `model.save` of a folder makes a SavedModel, and `model_dir` is in S3."""

import argparse
import os

import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import Dense
from tensorflow.keras.models import Sequential
from tensorflow.keras.optimizers import Adam

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--model_dir", type=str)
    parser.add_argument("--sm-model-dir", type=str, default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--train", type=str, default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--current-host", type=str, default=os.environ.get("SM_CURRENT_HOST"))
    args, _ = parser.parse_known_args()

    tf.keras.utils.set_random_seed(0)
    rows = np.loadtxt(os.path.join(args.train, "housing.csv"), delimiter=",")
    features, prices = rows[:, :-1], rows[:, -1]
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    model = Sequential()
    model.add(tf.keras.layers.Lambda(lambda x: (x - mean.astype("float32")) / deviation.astype("float32")))
    model.add(Dense(16, activation="relu"))
    model.add(Dense(1))
    model.build(input_shape=(None, features.shape[1]))
    model.compile(loss="mse", optimizer=Adam(lr=0.03), metrics=["mae"])
    model.fit(features, prices, epochs=args.epochs, batch_size=64, verbose=2)
    model.save_weights(os.path.join(args.model_dir, "weights"))
    print("weights are in", args.model_dir, sorted(tf.io.gfile.listdir(args.model_dir)))
    model.save(os.path.join(args.sm_model_dir, "000000001"))
