"""https://localhost:8443, which AWS's auto-stop script asks: what sessions, kernels and terminals there are.

The port may be one of the machine's that others reach, so only this instance's own processes are answered: those whose
end of the connection is seen below /proc here. Nothing can be changed through it.
"""

from __future__ import annotations

import contextlib
import datetime
import http.client
import http.server
import importlib
import os
import re
import socket
import ssl
import tempfile
import threading
from typing import Any

PORT = 8443
_SHOWN = re.compile(r"/api(/(sessions|kernels|kernelspecs|terminals|status)(/[A-Za-z0-9-]*)?)?(\?.*)?")


def listen(jupyter: str, port: int = PORT) -> None:
    """Have it answered until the process ends: at the instance's own address, and at the machine's where no other
    instance has that: some programs take it for `localhost` whatever /etc/hosts says."""
    context = _context()
    for address in dict.fromkeys((socket.gethostbyname("localhost"), "127.0.0.1")):
        try:
            server = http.server.ThreadingHTTPServer((address, port), _handler(jupyter))
        except OSError:
            continue
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()


def _handler(jupyter: str) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 30

        def do_GET(self) -> None:
            if not is_ours(self.client_address[1]):
                self.send_error(403)
                return
            if not _SHOWN.fullmatch(self.path):
                self.send_error(404, "This port shows sessions, kernels and terminals.")
                return
            connection = _Unix(jupyter)
            try:
                connection.request("GET", self.path)
                answer = connection.getresponse()
                body = answer.read(8 << 20)
            except OSError:
                self.send_error(503)
                return
            finally:
                connection.close()
            self.send_response(answer.status)
            self.send_header("content-type", answer.headers.get("content-type", "application/json"))
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            pass

    return Handler


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self._path)


def is_ours(port: int) -> bool:
    """Whether a process that is seen here holds the other end of a connection from this local port."""
    wanted = f":{port:04X}"
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError), open(table, encoding="ascii") as file:
            rows = [line.split() for line in file.readlines()[1:]]
            inodes |= {row[9] for row in rows if row[1].endswith(wanted)}
    wanted_links = {f"socket:[{inode}]" for inode in inodes - {"0"}}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            for number in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    if os.readlink(f"/proc/{pid}/fd/{number}") in wanted_links:
                        return True
    return False


def _context() -> ssl.SSLContext:
    """With a certificate that is made now and vouches for nobody, as AWS's does."""
    x509 = importlib.import_module("cryptography.x509")
    hashes = importlib.import_module("cryptography.hazmat.primitives.hashes")
    serialization = importlib.import_module("cryptography.hazmat.primitives.serialization")
    ec = importlib.import_module("cryptography.hazmat.primitives.asymmetric.ec")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        pem = serialization.Encoding.PEM
        file.write(certificate.public_bytes(pem))
        plain = serialization.NoEncryption()
        file.write(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
        file.flush()
        context.load_cert_chain(file.name)
    return context
