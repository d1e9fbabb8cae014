"""A Git server over HTTPS for one repository, that asks for a user and a password."""

from __future__ import annotations

import base64
import http.server
import os
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any

USER, PASSWORD = "carol", "not-a-secret"


def repository(folder: Path, files: dict[str, str]) -> None:
    """`folder`/code.git, with these files committed to its branch `main`."""
    work = folder / "work"
    identity = ["-c", "user.name=c", "-c", "user.email=c@example.com"]
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", str(work)], check=True)
    for name, text in files.items():
        (work / name).write_text(text)
    subprocess.run(["git", "-C", str(work), "add", "."], check=True)
    subprocess.run(["git", "-C", str(work), *identity, "commit", "--quiet", "-m", "first"], check=True)
    bare = str(folder / "code.git")
    subprocess.run(["git", "clone", "--quiet", "--bare", str(work), bare], check=True)
    subprocess.run(["git", "-C", bare, "config", "http.receivepack", "true"], check=True)


def serve(folder: Path) -> http.server.ThreadingHTTPServer:
    """Serve what is below `folder`; `shutdown` ends it."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            given = self.headers.get("authorization", "").removeprefix("Basic ")
            if base64.b64decode(given).decode() != f"{USER}:{PASSWORD}":
                self.send_response(401)
                self.send_header("www-authenticate", 'Basic realm="git"')
                self.send_header("content-length", "0")
                self.end_headers()
                return
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            path, _, query = self.path.partition("?")
            environment = {
                **os.environ,
                "GIT_PROJECT_ROOT": str(folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("content-type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
                "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
            }
            done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=True)
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
            self.send_response(int(fields.pop("Status", "200").split()[0]))
            for name, value in {**fields, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815  as the library calls it

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = _context(folder).wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _context(folder: Path) -> ssl.SSLContext:
    key, certificate = folder / "key.pem", folder / "server.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
