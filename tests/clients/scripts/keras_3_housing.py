"""Keras 3: `model.export` makes a SavedModel, with the scaling inside."""

import argparse
import os

import keras
import numpy as np

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--model_dir")
    args, _ = parser.parse_known_args()

    keras.utils.set_random_seed(0)
    rows = np.loadtxt(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "housing.csv"), delimiter=",")
    features, prices = rows[:, :-1], rows[:, -1]
    scale = keras.layers.Normalization()
    scale.adapt(features)
    model = keras.Sequential([keras.Input((13,)), scale, keras.layers.Dense(16, "relu"), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.Adam(0.03), loss="mse", metrics=["mae"])
    fitted = model.fit(features, prices, epochs=args.epochs, batch_size=64, verbose=0)
    print(f"loss={fitted.history['loss'][-1]:.2f};")
    model.export(os.path.join(os.environ["SM_MODEL_DIR"], "1"))
