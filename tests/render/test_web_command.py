"""puffer-web: which folder it serves, to whom, and how."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from puffer_envs.contract.trained import trained_policy
from puffer_render import cli_web
from puffer_render.cli_web import make_server

FILES = {
    "index.html": b"<!doctype html>",
    "breakout.html": b"",
    "app.js": b"1",
    "envs/a.wasm": b"\0asm",
    "page.css": b"",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[int]:
    with make_server(folder, 0) as made:
        threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
        yield made.server_port
        made.shutdown()


def get(port: int, path: str, host: str | None = None) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Host": host or f"127.0.0.1:{port}"})
    answer = connection.getresponse()
    found = answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/app.js?1", "text/javascript; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
        ("/envs/a.wasm", "application/wasm"),
    ],
)
def test_files_have_their_type_and_stand_apart_from_other_sites(path: str, kind: str, server: int) -> None:
    status, headers, _ = get(server, path)
    assert status == 200
    assert headers["content-type"] == kind
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-embedder-policy"] == "require-corp"
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")


def test_the_package_has_the_policies(server: int) -> None:
    status, _, data = get(server, "/data/squared.safetensors")
    assert status == 200
    assert data == trained_policy("squared").read_bytes()
    assert get(server, "/data/none.safetensors")[0] == 404


@pytest.mark.parametrize("path", ["/envs/", "/none.js", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd"])
def test_nothing_else_is_found(path: str, server: int) -> None:
    assert get(server, path)[0] == 404


def test_only_this_machine_is_answered(server: int) -> None:
    assert get(server, "/", f"localhost:{server}")[0] == 200
    assert get(server, "/", "example.org")[0] == 403


def test_an_address_that_is_none_is_refused(server: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert get(server, "/", "[")[0] == 400
    assert get(server, "/data/%00.safetensors")[0] == 403
    with socket.create_connection(("127.0.0.1", server), timeout=10) as raw:
        raw.sendall(b"GET http://[/data/a.safetensors HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 400 " in raw.recv(64)
    assert capsys.readouterr().err == ""


def test_a_browser_that_leaves_is_no_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "large.wasm").write_bytes(bytes(1 << 25))
    with make_server(folder, 0) as made:
        made.daemon_threads = False  # so that leaving this waits for the answer
        threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
        with socket.create_connection(("127.0.0.1", made.server_port), timeout=10) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.sendall(b"GET /large.wasm HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert raw.recv(16).startswith(b"HTTP/1.1 200")
        made.shutdown()
    assert capsys.readouterr().err == ""


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli_web.main(["--no-browser", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err.removeprefix("puffer-web: ")


def test_mistakes_are_one_line(folder: Path, server: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert complaint(capsys, "--folder", str(folder / "none")) == f"{folder / 'none'}: there is no such folder.\n"
    assert "holds no pages" in complaint(capsys, "--folder", str(folder / "envs"))
    assert complaint(capsys, "--folder", str(folder), "--port", str(server)).startswith(f"--port {server} is in use.")
    assert "Did you mean 'breakout'" in complaint(capsys, "braekout", "--folder", str(folder), "--port", "0")


def test_an_installation_without_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli_web, "HERE", tmp_path / "a/b")
    monkeypatch.setattr(cli_web, "PAGES", "pages_of_a_test")
    assert complaint(capsys).startswith('no pages are installed: pip install "puffer-envs[web]"')
    (tmp_path / "pages_of_a_test").mkdir()
    (tmp_path / "pages_of_a_test/index.html").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert cli_web.find_folder(None) == tmp_path / "pages_of_a_test"


def test_it_says_the_address_and_opens_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(cli_web.webbrowser, "open", opened.append)
    monkeypatch.setattr(cli_web.Server, "serve_forever", lambda self: None)
    assert cli_web.main(["breakout", "--folder", str(folder), "--port", "0"]) == 0
    (address,) = opened
    where = urllib.parse.urlsplit(address)
    assert (where.scheme, where.hostname, where.path) == ("http", "127.0.0.1", "/breakout.html")
    assert capsys.readouterr().out == f"{address}   Ctrl-C ends it\n"
