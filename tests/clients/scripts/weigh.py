"""Keeps what it was given by its checksum."""

import hashlib
import json
import os
from pathlib import Path

folder = Path("/opt/ml/input/data/train")
found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
Path(os.environ["SM_MODEL_DIR"], "found.json").write_text(json.dumps(found))
