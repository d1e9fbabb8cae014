"""A Module of MXNet learns scikit-learn's handwritten digits, and is served without functions."""

import argparse
import json
import os

import mxnet as mx
from sklearn.datasets import load_digits

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args()

    mx.random.seed(0)
    images, labels = load_digits(return_X_y=True)
    data = mx.io.NDArrayIter((images / 16).astype("float32"), labels.astype("float32"), 64, shuffle=True)
    hidden = mx.sym.Activation(mx.sym.FullyConnected(mx.sym.Variable("data"), num_hidden=32), act_type="relu")
    module = mx.mod.Module(mx.sym.SoftmaxOutput(mx.sym.FullyConnected(hidden, num_hidden=10), name="softmax"))
    module.fit(data, optimizer="adam", optimizer_params={"learning_rate": 0.01}, num_epoch=args.epochs)
    print(f"accuracy={dict(module.score(data, 'acc'))['accuracy']:.3f};")

    folder = os.environ["SM_MODEL_DIR"]
    module.save_checkpoint(os.path.join(folder, "model"), 0)
    with open(os.path.join(folder, "model-shapes.json"), "w") as file:
        json.dump([{"name": "data", "shape": [1, 64]}], file)
