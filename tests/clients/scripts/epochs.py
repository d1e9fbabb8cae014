"""Goes on from its checkpoint, one epoch further."""

import argparse
import json
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--linger", type=float, default=0)
args = parser.parse_args()

config = json.loads(Path("/opt/ml/input/config/checkpointconfig.json").read_text())
last = Path(config["LocalPath"], "state", "last")
epoch = int(last.read_text().split()[1]) if last.exists() else 0
last.parent.mkdir(parents=True, exist_ok=True)
last.write_text(f"epoch {epoch + 1}")
time.sleep(args.linger)
