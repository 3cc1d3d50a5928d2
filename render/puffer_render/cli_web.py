"""puffer-web: the pages that play, watch and train in a browser, served to this machine alone."""

from __future__ import annotations

import argparse
import contextlib
import errno
import functools
import http.server
import importlib.util
import os
import sys
import webbrowser
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from puffer_envs.contract.commands import Parser, run_command, whole_number
from puffer_envs.contract.names import suggest_nearest
from puffer_envs.contract.trained import list_trained, trained_policy
from puffer_render.errors import RenderError

PROGRAM = "puffer-web"
EXAMPLES = """examples:
  puffer-web                      all environments
  puffer-web breakout             the page of one
  puffer-web --folder web/dist    the pages that `make web` built
"""
HOST = "127.0.0.1"
PORT = 8000
PAGES = "puffer_pages"
"""What the distribution puffer-envs-web installs."""
HERE = Path(__file__).resolve().parent
POLICY = 2  # parts of data/NAME.safetensors
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Nothing from elsewhere gets in, and threads may share memory."""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of one folder; shipped policies come from the package, which has them already."""

    protocol_version = "HTTP/1.1"
    extensions_map = {
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".json": "application/json",
        ".svg": "image/svg+xml",
        ".wasm": "application/wasm",
        "": "application/octet-stream",
    }

    def parse_request(self) -> bool:
        """Refuse what was sent to another name than ours: a page elsewhere whose name leads to this machine."""
        if not super().parse_request():
            return False
        try:
            name, _ = urlsplit(f"//{self.headers.get('Host', '')}").hostname, urlsplit(self.path)
        except ValueError:  # a bracket without its partner
            self.send_error(HTTPStatus.BAD_REQUEST)
            return False
        if name not in (HOST, "localhost") or "%00" in self.path:
            self.send_error(HTTPStatus.FORBIDDEN)
            return False
        return True

    def translate_path(self, path: str) -> str:
        """The file of an address."""
        file = Path(super().translate_path(path))
        parts = urlsplit(path).path.strip("/").split("/")
        if len(parts) == POLICY and parts[0] == "data" and file.suffix == ".safetensors" and not file.exists():
            name = file.stem
            return str(trained_policy(name) if name in list_trained() else file)
        return str(file)

    def list_directory(self, path: object) -> None:
        """Folders are not listed."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def end_headers(self) -> None:
        """Send ours as well."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


class Server(http.server.ThreadingHTTPServer):
    """One that does not share its port: on Windows, two servers with this option would get it in turn."""

    allow_reuse_address = os.name == "posix"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a browser that no longer wants what it asked for."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def find_folder(given: Path | None) -> Path:
    """The folder of pages: the one given, a checkout's, or the installed one. Raises `RenderError`."""
    if given is not None:
        if not given.is_dir():
            raise RenderError(f"{given}: there is no such folder.")
        if not (given / "index.html").is_file():
            raise RenderError(f"{given} holds no pages: index.html is missing. `make web` in a checkout builds them.")
        return given
    checkout = HERE.parents[1]
    places = [checkout / "web/dist"] if (checkout / "web/build.py").is_file() else []
    installed = importlib.util.find_spec(PAGES)
    places += map(Path, installed.submodule_search_locations or ()) if installed is not None else ()
    for folder in places:
        if (folder / "index.html").is_file():
            return folder
    raise RenderError('no pages are installed: pip install "puffer-envs[web]", or `make web` in a checkout.')


def make_server(folder: Path, port: int) -> Server:
    """A server of this folder on loopback; port 0: any that is free. Raises `RenderError`."""
    handler = functools.partial(Handler, directory=str(folder))
    try:
        return Server((HOST, port), handler)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = "is in use. Choose another, or 0 for any that is free."
        elif error.errno in (errno.EACCES, errno.EPERM):
            reason = "is not for users. Choose one above 1023."
        else:
            reason = f"cannot be opened: {error.strerror}."
        raise RenderError(f"--port {port} {reason}") from None


def build_parser() -> Parser:
    """The command's options."""
    parser = Parser(
        prog=PROGRAM,
        description="Serve the pages that play, watch and train in a browser, to this machine alone.",
        epilog=EXAMPLES,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="open the page of this environment [all of them]")
    parser.add_argument(
        "--port", type=whole_number(0, 65535), default=PORT, metavar="P", help=f"0: any that is free [{PORT}]"
    )
    parser.add_argument(
        "--no-browser", action="store_false", dest="browser", help="do not open a browser, only say the address"
    )
    parser.add_argument("--folder", type=Path, metavar="DIR", help="serve these pages instead of the installed ones")
    return parser


def _address(options: argparse.Namespace, folder: Path, port: int) -> str:
    name = options.name
    pages = sorted(page.stem for page in folder.glob("*.html") if page.stem != "index")
    if name is not None and name not in pages:
        raise RenderError(f"there is no page of {name!r}.{suggest_nearest(name, pages)}")
    return "http://" + f"{HOST}:{port}/{'' if name is None else f'{name}.html'}"


def _main(arguments: Sequence[str] | None) -> int:
    options, _ = build_parser().parse(arguments)
    folder = find_folder(options.folder)
    _address(options, folder, 0)
    with make_server(folder, options.port) as server:
        address = _address(options, folder, server.server_port)
        print(f"{address}   Ctrl-C ends it", flush=True)
        if options.browser:
            with contextlib.suppress(webbrowser.Error):
                webbrowser.open(address)
        server.serve_forever()
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    return run_command(PROGRAM, lambda: _main(arguments))
