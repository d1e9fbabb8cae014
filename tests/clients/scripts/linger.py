"""Prints a line, then works on until it is stopped or its time is over."""

import argparse
import os
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--seconds", type=float, default=60)
args = parser.parse_args()

print("the script has begun", flush=True)
Path(os.environ["SM_MODEL_DIR"], "partial.txt").write_text("as far as it came")
time.sleep(args.seconds)
print("the script has ended")
