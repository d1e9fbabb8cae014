"""A model that knows its version, and tells the witness that it is there for as long as it lives."""

import json
import os
import socket
import uuid


def model_fn(model_dir):
    with open(f"{model_dir}/version") as file:
        version = file.read()
    if version.startswith("broken"):
        raise RuntimeError("broken on purpose")
    run = uuid.uuid4().hex
    witness = socket.create_connection(("127.0.0.1", int(os.environ["WITNESS"])))
    witness.sendall(f"server {os.environ['OWNER']} {run}\n".encode())
    return {"version": version, "run": run, "witness": witness}


def input_fn(data, _content_type):
    return data


def predict_fn(data, model):
    return {"version": model["version"], "run": model["run"], "said": data}


def output_fn(prediction, _accept):
    return json.dumps(prediction)
