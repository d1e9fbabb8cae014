"""Notes what a training script is given, as its model; fails or lingers when told to."""

import argparse
import json
import os
import socket
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=0)
parser.add_argument("--linger", type=float, default=0)
known, _ = parser.parse_known_args()

model = os.environ["SM_MODEL_DIR"]
print("the script looks around")


def reaches_the_platform() -> bool:
    """Whether there is a network: the platform's own address answers on it."""
    host, port = os.environ["AWS_ENDPOINT_URL"].rsplit("/", 1)[1].split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


checkpoints = "/opt/ml/checkpoints"
seen = {
    "hyperparameters": json.loads(os.environ["SM_HPS"]),
    "arguments": sys.argv[1:],
    "environment": {name: value for name, value in os.environ.items() if name.startswith(("SM_", "MY_"))},
    "channels": {
        name: sorted(os.listdir(os.path.join("/opt/ml/input/data", name))) for name in os.listdir("/opt/ml/input/data")
    },
    "code": sorted(os.listdir("/opt/ml/code")),
    "checkpoints": sorted(os.listdir(checkpoints)) if os.path.isdir(checkpoints) else [],
    "network": reaches_the_platform(),
}
with open(os.path.join(model, "seen.json"), "w") as file:
    json.dump(seen, file)
with open(os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], "notes.txt"), "w") as file:
    file.write("made on the way\n")
for epoch in range(known.epochs):
    print(f"epoch={epoch} loss={1 / (epoch + 1):.3f};")
    with open(os.path.join(checkpoints, f"epoch-{epoch}"), "w") as file:
        file.write("weights")
time.sleep(known.linger)
print("the script has looked around")
