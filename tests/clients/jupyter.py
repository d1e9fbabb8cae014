"""A browser's part towards a notebook instance: a presigned address's session, Jupyter's API, a kernel's channel."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import struct
import uuid
from typing import Any
from urllib.parse import urlsplit


class Browser:
    """Knows the instance's host name, and comes to it by the server's address: no resolver is asked."""

    def __init__(self, url: str, cookie: str = "") -> None:
        """`url` is a presigned address."""
        parts = urlsplit(url)
        self.host = parts.netloc
        self.port = parts.port or 80
        self.entry = f"{parts.path or '/'}?{parts.query}"
        self.cookie = cookie

    def open(self) -> int:
        """Exchange the address for a session. The status."""
        status, headers, _ = self.ask("GET", self.entry)
        self.cookie = headers.get("set-cookie", "").partition(";")[0]
        return status

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"host": self.host, "cookie": self.cookie, **headers}
        connection.request(method, path, None if body is None else json.dumps(body), sent)
        answer = connection.getresponse()
        found = answer.status, answer.headers, answer.read()
        connection.close()
        return found

    def json(self, method: str, path: str, body: Any = None) -> Any:
        status, _, answer = self.ask(method, path, body)
        assert status < 300, (status, answer)
        return json.loads(answer) if answer else None

    def execute(self, code: str, kernel: str = "conda_python3") -> str:
        """What a cell prints in a new kernel, or its error."""
        started = self.json("POST", "/api/kernels", {"name": kernel})
        channel = Channel(self, f"/api/kernels/{started['id']}/channels")
        try:
            return channel.execute(code)
        finally:
            channel.close()
            self.json("DELETE", f"/api/kernels/{started['id']}")


class Channel:
    """A WebSocket, as RFC 6455 has it, and Jupyter's messages in it."""

    def __init__(self, browser: Browser, path: str, **headers: str) -> None:
        """Raises ConnectionRefusedError with the status line where the server does not switch protocols."""
        self._socket = socket.create_connection(("127.0.0.1", browser.port), timeout=120)
        told = {
            "host": browser.host,
            "cookie": browser.cookie,
            "connection": "Upgrade",
            "upgrade": "websocket",
            "sec-websocket-version": "13",
            "sec-websocket-key": base64.b64encode(os.urandom(16)).decode(),
            **headers,
        }
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
        self._rest = b""
        while b"\r\n\r\n" not in self._rest:
            self._rest += self._received()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        status = head.splitlines()[0].decode()
        if " 101 " not in status:
            raise ConnectionRefusedError(status)

    def execute(self, code: str) -> str:
        """What it prints, and its error; that is in `error` too."""
        self.error = ""
        message = str(uuid.uuid4())
        header = {"msg_id": message, "msg_type": "execute_request", "session": "s", "username": "", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
        told = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        self.send(json.dumps(told).encode())
        printed = ""
        while True:
            heard = json.loads(self.receive())
            if heard["parent_header"].get("msg_id") != message:
                continue
            if heard["msg_type"] == "stream":
                printed += heard["content"]["text"]
            elif heard["msg_type"] == "error":
                self.error = f"{heard['content']['ename']}: {heard['content']['evalue']}"
                printed += self.error
            elif heard["msg_type"] == "status" and heard["content"]["execution_state"] == "idle":
                return printed

    def send(self, data: bytes, kind: int = 1) -> None:
        size = len(data)
        length = bytes([128 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)
        if size > 65535:
            length = b"\xff" + struct.pack("!Q", size)
        mask = os.urandom(4)
        self._socket.sendall(bytes([128 | kind]) + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def receive(self) -> bytes:
        """The next message. Raises ConnectionError when the other side hangs up."""
        message = b""
        while True:
            first, second = self._take(2)
            size = second & 127
            if size == 126:
                (size,) = struct.unpack("!H", self._take(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", self._take(8))
            data = self._take(size)
            if first & 15 == 9:
                self.send(data, 10)
            elif first & 15 == 8:
                raise ConnectionError("closed")
            elif first & 15 in (0, 1, 2):
                message += data
                if first & 128:
                    return message

    def close(self) -> None:
        self._socket.close()

    def _take(self, count: int) -> bytes:
        while len(self._rest) < count:
            self._rest += self._received()
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def _received(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("the server hung up")
        return data
