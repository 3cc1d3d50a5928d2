"""A headless Chromium, driven through its DevTools protocol over two pipes: no package is needed for that."""

from __future__ import annotations

import base64
import functools
import http.server
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
KEYS = {
    "Tab": ("Tab", 9),
    "Enter": ("Enter", 13),
    "ArrowLeft": ("ArrowLeft", 37),
    "ArrowUp": ("ArrowUp", 38),
    "ArrowRight": ("ArrowRight", 39),
    "ArrowDown": ("ArrowDown", 40),
}
"""Code and number of keys that are not letters."""


def find_chromium() -> str | None:
    """The path of a Chromium, None where there is none."""
    return next((found for found in map(shutil.which, CHROMIUM) if found), None)


class Browser:
    """One browser with one page at a time."""

    def __init__(self, profile: Path) -> None:
        to_browser, write = os.pipe()
        read, from_browser = os.pipe()
        flags = ["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--no-first-run", "--disable-gpu"]
        flags += ["--disable-background-networking", "--disable-component-update", "--mute-audio"]
        command = [str(find_chromium()), *flags, f"--user-data-dir={profile}", "about:blank"]
        pipes = f'exec "$@" 3<&{to_browser} 4>&{from_browser} 2>/dev/null'
        self._process = subprocess.Popen(
            ["bash", "-c", pipes, "bash", *command], pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL
        )
        os.close(to_browser), os.close(from_browser)
        self._read, self._write = read, write
        self._buffer = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []
        """What the page reported since it was opened."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session: str | None = None
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        os.close(self._read), os.close(self._write)

    def call(self, method: str, **params: Any) -> Any:
        """Call a method of the protocol; what happens meanwhile is added to `events`."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if getattr(self, "_session", None):
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            data = os.read(self._read, 1 << 20)
            assert data, "the browser has gone"
            self._buffer += data
        message, self._buffer = self._buffer.split(b"\0", 1)
        found: dict[str, Any] = json.loads(message)
        return found

    # -- the page ------------------------------------------------------------------------------------------

    def show(self, width: int, height: int, *, dark: bool = True, scale: float = 1.0, still: bool = False) -> None:
        """Emulate a screen."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        features.append({"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"})
        self.call("Emulation.setEmulatedMedia", features=features)

    def open(self, url: str, seconds: float = 30) -> None:
        """Open a page and wait until it says that it is ready."""
        self.events.clear()
        self.call("Page.navigate", url=url)
        self.wait("document.body?.dataset.ready === 'yes' && document.readyState === 'complete'", seconds)

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        done = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait(self, condition: str, seconds: float = 30) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.run(condition):
            assert time.monotonic() < end, f"still not so after {seconds} s: {condition}; {self.faults()}"
            time.sleep(0.05)

    def key(self, key: str, *, down: bool = True, up: bool = True) -> None:
        """Press a key, as a person does."""
        code, number = KEYS.get(key, (f"Key{key.upper()}", ord(key.upper()[0])))
        about = {"key": key, "code": code, "windowsVirtualKeyCode": number}
        if down:
            self.call("Input.dispatchKeyEvent", type="rawKeyDown", **about)
        if up:
            self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Write a screenshot."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))

    def requests(self) -> list[str]:
        """The addresses that the page asked for."""
        return [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]

    def faults(self) -> list[str]:
        """Exceptions, errors on the console and in the log, and what the page itself reports."""
        found = [
            json.dumps(e["params"])[:600]
            for e in self.events
            if e["method"] == "Runtime.exceptionThrown"
            or (e["method"] == "Runtime.consoleAPICalled" and e["params"]["type"] in ("error", "assert"))
            or (e["method"] == "Log.entryAdded" and e["params"]["entry"]["level"] == "error")
        ]
        box = "document.getElementById('fault')"
        script = f"{box}?.hidden === false ? {box}.textContent : ''"
        said = self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")
        return found + ([said] if said else [])


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder as `python -m http.server` does; gives its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield "http://" + f"127.0.0.1:{server.server_port}"
        server.shutdown()
