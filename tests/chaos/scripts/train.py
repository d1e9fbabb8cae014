"""Says who it is to the witness, prints numbered lines, keeps its run's id as the model, ends as it is told."""

import os
import signal
import socket
import sys
import time
import uuid

told = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
run = uuid.uuid4().hex
host = os.environ["SM_CURRENT_HOST"]
name = os.environ["TRAINING_JOB_NAME"] + ("" if host == "algo-1" else f"/{host}")
witness = socket.create_connection(("127.0.0.1", int(told["--witness"])))
witness.sendall(f"job {name} {run}\n".encode())


def asked_to_stop(_number, _frame):
    print("asked to stop")
    sys.exit(0)


signal.signal(signal.SIGTERM, asked_to_stop)
print(f"run {run}")
with open(f"{os.environ['SM_MODEL_DIR']}/runs", "a") as runs:
    runs.write(run + "\n")
for number in range(int(told["--lines"])):
    print(f"line {number} " + "." * (number % 90))
    time.sleep(float(told["--pause"]))
if told["--end"] == "fail":
    sys.exit(f"broken on purpose: {run}")
while told["--end"] == "never":
    time.sleep(0.1)
print("end")
