"""An image of one's own, as SageMaker runs it: `train` and `serve`, with nothing but Python's standard library."""

import json
import os
import socket
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ML = Path("/opt/ml")


def train():
    told = json.loads((ML / "input/config/hyperparameters.json").read_text())
    hosts = json.loads((ML / "input/config/resourceconfig.json").read_text())
    print("training on", hosts["current_host"], flush=True)
    ACTIONS[told.get("action", "fit")](told, hosts)


def fit(told, hosts):
    """Needs its channel, its network's way to the platform, and keeps a model."""
    rows = [line for path in sorted((ML / "input/data/train").iterdir()) for line in path.read_text().split()]
    request = urllib.request.Request(
        os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
        headers={"Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        print("credentials", sorted(json.load(answer))[0])
    print("loss: 0.25")
    mean = sum(map(float, rows)) / len(rows)
    (ML / "model/model.json").write_text(json.dumps({"mean": mean}))
    print("user", os.getuid(), "pid", os.getpid() < 10, "arguments", sys.argv[1:])


def fail(told, hosts):
    (ML / "output").mkdir(exist_ok=True)
    (ML / "output/failure").write_text("AlgorithmError: the loss is not a number")
    print("about to fail", flush=True)
    sys.exit(3)


def swell(told, hosts):
    kept = []
    while True:
        kept.append(b"x" * (256 << 20))


def isolated(told, hosts):
    """Nobody can be reached, and there is no interface but loopback."""
    port = int(told["port"])
    for host in ("127.0.0.1", "10.0.2.2", told["outside"]):
        try:
            socket.create_connection((host, port), timeout=2)
        except OSError:
            continue
        sys.exit(f"reached {host}:{port}")
    print("interfaces", sorted(os.listdir("/sys/class/net")))


def meet(told, hosts):
    """The first host listens, the others come, at a port that another job may use at the same time."""
    first, current = hosts["hosts"][0], hosts["current_host"]
    if current == first:
        with socket.create_server(("", 7777)) as server:
            for _ in hosts["hosts"][1:]:
                connection, _ = server.accept()
                print("met", connection.recv(100).decode(), "by", hosts["network_interface_name"], flush=True)
                connection.close()
        return
    while True:
        try:
            with socket.create_connection((first, 7777), timeout=5) as connection:
                connection.sendall(current.encode())
                return
        except OSError:
            time.sleep(0.1)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200 if self.path == "/ping" else 404, b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        mean = json.loads((ML / "model/model.json").read_text())["mean"]
        lines = [str(float(line) - mean) for line in body.decode().split()]
        self.answer(200, ("\n".join(lines) + "\n").encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def serve():
    print("serving as", os.environ["SAGEMAKER_BIND_TO_PORT"], flush=True)
    ThreadingHTTPServer(("", 8080), Handler).serve_forever()


ACTIONS = {"fit": fit, "fail": fail, "swell": swell, "isolated": isolated, "meet": meet}

if __name__ == "__main__":
    {"train": train, "serve": serve}.get(sys.argv[1], train)()
