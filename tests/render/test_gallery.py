"""puffer-gallery: posters and cards of real moments, in the size asked for."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import numpy as np
import pytest

from puffer_render import cli_gallery, gallery
from puffer_render.palette import NIGHT
from puffer_render.pdf import write_pdf

av = pytest.importorskip("av", reason="needs the extra puffer-envs[render]")


def read_png(path: Path) -> np.ndarray:
    with av.open(str(path)) as file:
        pixels: np.ndarray = next(file.decode(video=0)).to_ndarray(format="rgb24")
    return pixels


def test_a_pdf_holds_the_picture_in_its_size(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (300, 150, 3), np.uint8)
    write_pdf(tmp_path / "a.pdf", pixels, dpi=75)
    data = (tmp_path / "a.pdf").read_bytes()
    assert b"/MediaBox [0 0 144.0000 288.0000]" in data, "150 pixels are 2 inches, 144 points"
    start = int(re.findall(rb"startxref\n(\d+)", data)[0])
    assert data[start:].startswith(b"xref\n0 6\n")
    for number, offset in enumerate(re.findall(rb"(\d{10}) 00000 n", data[start:]), start=1):
        assert data[int(offset) :].startswith(b"%d 0 obj" % number)
    image = data[data.index(b"/Subtype /Image") :]
    length = int(re.findall(rb"/Length (\d+)", image)[0])
    begin = image.index(b"stream\n") + len(b"stream\n")
    rows = np.frombuffer(zlib.decompress(image[begin : begin + length]), np.uint8).reshape(300, 451)
    assert (rows[:, 0] == 2).all()
    assert (np.cumsum(rows[:, 1:], axis=0, dtype=np.uint8).reshape(pixels.shape) == pixels).all()


def test_a_card_shows_its_moment_without_figures(tmp_path: Path) -> None:
    card = gallery.make_card("squared", 7, tmp_path)
    assert card.about.startswith("Walk across a square field to the target")
    shown = gallery.draw_card(card, 320, 240)
    assert shown.shape == (240, 320, 3)
    picture = card.picture(320, 204)
    height, width, _ = picture.shape
    assert 200 <= height <= 204 and width <= 320
    left, top = (320 - width) // 2, (204 - height) // 2
    assert (shown[top : top + height, left : left + width] == picture).all()
    assert (picture != NIGHT[:3]).any(axis=(1, 2))[:10].any(), "the field begins at the top: figures are cut off"
    assert (shown[204:] != NIGHT[:3]).any(), "there is a label"


def test_a_poster_has_every_card_in_its_place(tmp_path: Path) -> None:
    cards = [gallery.make_card(name, 7, tmp_path) for name in ("pong", "squared", "taxi")]
    sheet = gallery.draw_poster(iter(cards), 3, 500, 500, "three games")
    assert sheet.shape == (500, 500, 3)
    assert gallery.best_columns(3, 480, 445) == 2
    drawn = (sheet != NIGHT[:3]).any(axis=2)
    assert drawn[:45].any(), "the title"
    assert drawn[50:260, 10:245].any() and drawn[50:260, 255:490].any()
    assert drawn[275:490, 130:370].any(), "the last row is centred"
    assert not drawn[275:490, :130].any() and not drawn[275:490, 370:].any()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "a name is needed: OUT"),
        (["poster.jpg"], "it must be a folder or end in one of .png, .pdf"),
        (["poster.png", "brekout"], "Did you mean 'breakout'?"),
        (["poster.png", "--size", "3x"], "write it as 3840x2160, 72x48in"),
        (["poster.png", "--size", "9000x9000in"], "each side must be from 200 to 30_000"),
        (["poster.png", "--size", "20000x20000"], "200_000_000 pixels in all"),
        (["poster.png", "--dpi", "1"], "must be at least 10"),
        (["file/cards", "squared"], "cannot be made"),
        (["nowhere/poster.png", "squared", "--size", "200x200"], "cannot be written"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    assert cli_gallery.main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("puffer-gallery: ") and error.count("\n") == 1 and message in error, error


def test_the_command_writes_posters_and_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli_gallery.main(["cards", "squared", "memory", "squared", "--size", "200x210"]) == 0
    assert sorted(path.name for path in Path("cards").iterdir()) == ["memory.png", "squared.png"]
    assert read_png(Path("cards/memory.png")).shape == (210, 200, 3)
    assert cli_gallery.main(["a.png", "squared", "--size", "4x3in", "--dpi", "75", "--title", ""]) == 0
    assert read_png(Path("a.png")).shape == (225, 300, 3)
    assert cli_gallery.main(["a.pdf", "squared", "--size", "4x3in", "--dpi", "75"]) == 0
    assert Path("a.pdf").read_bytes().startswith(b"%PDF-1.4")
