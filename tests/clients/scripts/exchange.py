"""Greets the other hosts of the job over the network, and keeps what they answered."""

import json
import os
import socket
import threading
import time
from pathlib import Path

PORT = 7100
me, hosts = os.environ["SM_CURRENT_HOST"], json.loads(os.environ["SM_HOSTS"])
heard: set[str] = set()

listening = socket.create_server((me, PORT))


def answer() -> None:
    while True:
        connection, _ = listening.accept()
        with connection:
            heard.add(connection.recv(64).decode())


threading.Thread(target=answer, daemon=True).start()
for host in hosts:
    while True:
        try:
            with socket.create_connection((host, PORT)) as connection:
                connection.sendall(me.encode())
            break
        except ConnectionRefusedError:
            time.sleep(0.01)
while heard != set(hosts):
    time.sleep(0.01)
files = sorted(str(path.relative_to("/opt/ml/input/data")) for path in Path("/opt/ml/input/data").rglob("*.csv"))
report = {"me": me, "hosts": hosts, "group": os.environ["SM_CURRENT_INSTANCE_GROUP"], "files": files}
Path(os.environ["SM_MODEL_DIR"], f"{me}.json").write_text(json.dumps(report))
print(f"{me} heard {sorted(heard)}")
