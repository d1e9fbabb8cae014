"""Counts on from its checkpoint, as training on Spot instances does; ends by itself in the try that it is told to."""

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--tries", type=int, required=True)
args = parser.parse_args()

CHECKPOINT = Path("/opt/ml/checkpoints/state.json")
state = json.loads(CHECKPOINT.read_text()) if CHECKPOINT.exists() else {"step": 0, "tries": []}
state["tries"].append({"from": state["step"]})
reclaimed = False


def on_warning(*_: object) -> None:
    global reclaimed
    reclaimed = True


def save() -> None:
    """Whole or not at all: the instance may go at any moment."""
    beside = CHECKPOINT.with_suffix(".new")
    beside.write_text(json.dumps(state))
    beside.rename(CHECKPOINT)


signal.signal(signal.SIGTERM, on_warning)
print(f"try {len(state['tries'])} goes on at step {state['step']}", flush=True)
last = len(state["tries"]) == args.tries
steps = 0
while not reclaimed and not (last and steps == 5):
    time.sleep(0.2)
    state["step"] += 1
    steps += 1
    state["tries"][-1]["to"] = state["step"]
    if steps == 3:
        print(f"try {len(state['tries'])} has made steps", flush=True)
if reclaimed:  # what is written now is kept too
    save()
    sys.exit(0)
Path(os.environ["SM_MODEL_DIR"], "state.json").write_text(json.dumps(state))
