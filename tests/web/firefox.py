"""A headless Firefox, driven by WebDriver BiDi over a WebSocket of our own: no package is needed for that."""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

KEYS = {"Tab": "\ue004", "ArrowLeft": "\ue012", "ArrowUp": "\ue013", "ArrowRight": "\ue014", "ArrowDown": "\ue015"}
"""What BiDi calls keys that are not letters."""
TEXT, PONG, SHORT, LONG = 0x1, 0xA, 126, 127
"""Kinds of a message, and what stands for a length of two or eight bytes (RFC 6455)."""


def find_firefox() -> str | None:
    """The path of a Firefox, None where there is none."""
    return next((found for found in map(shutil.which, ("firefox-esr", "firefox")) if found), None)


class Socket:
    """A WebSocket client: text both ways."""

    def __init__(self, port: int, path: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 300)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
        self._file = self._socket.makefile("rb")
        assert b" 101 " in self._file.readline()
        while self._file.readline() != b"\r\n":
            pass

    def send(self, data: bytes, kind: int = TEXT) -> None:
        size, mask = len(data), os.urandom(4)
        if size < SHORT:
            length = bytes([0x80 | size])
        else:
            wide = size >= 1 << 16
            length = bytes([0x80 | (LONG if wide else SHORT)]) + size.to_bytes(8 if wide else 2, "big")
        self._socket.sendall(
            bytes([0x80 | kind])
            + length
            + mask
            + bytes(a ^ b for a, b in zip(data, itertools.cycle(mask), strict=False))
        )

    def receive(self) -> bytes:
        """The next text; in several pieces, if it is long."""
        text = b""
        while True:
            first, size = self._file.read(2)
            if size >= SHORT:
                size = int.from_bytes(self._file.read(2 if size == SHORT else 8), "big")
            data = self._file.read(size)
            if first & 0x8:  # a ping, or the end
                self.send(data, PONG)
                continue
            text += data
            if first & 0x80:
                return text

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def _find_port(log: Path) -> int:
    """The port that Firefox says it listens on."""
    end = time.monotonic() + 200
    while time.monotonic() < end:
        if found := re.search(r"BiDi listening on ws://[^:]+:(\d+)", log.read_text(errors="replace")):
            return int(found[1])
        time.sleep(0.1)
    raise AssertionError(log.read_text(errors="replace")[-2000:])


class Firefox:
    """One browser with one page."""

    def __init__(self, profile: Path) -> None:
        command = [str(find_firefox()), "--headless", "--remote-debugging-port=0", "--no-remote", "--profile"]
        log = profile / "log"
        with log.open("wb") as out:
            self._process = subprocess.Popen([*command, str(profile)], stdout=out, stderr=out)
        self._socket = Socket(_find_port(log), "/session")
        self._number = 0
        self.faults: list[str] = []
        """Exceptions, and errors on the console."""
        self.call("session.new", capabilities={})
        self.call("session.subscribe", events=["log.entryAdded"])
        self._page = self.call("browsingContext.getTree")["contexts"][0]["context"]

    def close(self) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(30)

    def call(self, method: str, **params: Any) -> Any:
        """Call a method of the protocol."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}).encode())
        while True:
            answer = json.loads(self._socket.receive())
            if answer.get("id") == self._number:
                assert answer["type"] == "success", (method, answer)
                return answer["result"]
            if answer.get("method") == "log.entryAdded" and answer["params"]["level"] == "error":
                self.faults.append(answer["params"]["text"])

    def open(self, url: str) -> None:
        """Open a page and wait until it says that it is ready."""
        self.call("browsingContext.navigate", context=self._page, url=url, wait="complete")
        self.wait("document.body.dataset.ready === 'yes'", 120)

    def run(self, script: str) -> Any:
        """The value of an expression in the page: null, a number, a text or a truth."""
        target = {"context": self._page}
        done = self.call("script.evaluate", expression=script, target=target, awaitPromise=True)
        assert done["type"] == "success", done
        return done["result"].get("value")

    def wait(self, condition: str, seconds: float = 30) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.run(condition):
            assert time.monotonic() < end, f"still not so after {seconds} s: {condition}; {self.faults}"
            time.sleep(0.05)

    def key(self, key: str, *, down: bool = True, up: bool = True) -> None:
        """Press a key, as a person does."""
        value = KEYS.get(key, key)
        kinds = ["keyDown"] * down + ["keyUp"] * up
        actions = [{"type": kind, "value": value} for kind in kinds]
        self.call(
            "input.performActions", context=self._page, actions=[{"type": "key", "id": "keyboard", "actions": actions}]
        )

    def click(self, x: int, y: int) -> None:
        """Click at a point of the window."""
        move = {"type": "pointerMove", "x": x, "y": y}
        press = [{"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp")]
        mouse = {"type": "pointer", "id": "mouse", "actions": [move, *press]}
        self.call("input.performActions", context=self._page, actions=[mouse])

    def picture(self, path: Path) -> None:
        """Write a screenshot."""
        data = self.call("browsingContext.captureScreenshot", context=self._page)["data"]
        path.write_bytes(base64.b64decode(data))
