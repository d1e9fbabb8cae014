"""Prints a line, then works on until it is stopped, let through a door, or its time is over."""

import argparse
import os
import socket
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--seconds", type=float, default=60)
parser.add_argument("--door", type=int, default=0, help="a port of this machine: at it the script waits")
args = parser.parse_args()

print("the script has begun", flush=True)
Path(os.environ["SM_MODEL_DIR"], "partial.txt").write_text("as far as it came")
if args.door:
    socket.create_connection(("127.0.0.1", args.door)).recv(1)
else:
    time.sleep(args.seconds)
print("the script has ended")
