"""The first try leaves a checkpoint and works on; another one goes on from there."""

import json
import time
from pathlib import Path

config = json.loads(Path("/opt/ml/input/config/checkpointconfig.json").read_text())
last = Path(config["LocalPath"], "last")
if last.exists():
    print(f"goes on from {last.read_text()}")
else:
    last.write_text("epoch 7")
    time.sleep(600)
