"""The pages in a real browser: they load without a fault or a request to elsewhere, play, hand over, train and save."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

import puffer_envs
from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.contract.trained import trained_policy
from puffer_envs.golden import ENVS, golden_actions
from puffer_envs.policy import load_policy
from puffer_envs.replay import Replay
from puffer_render.cli_render import main as render
from puffer_render.draw import Drawing, drawing_for

from .browser import Browser, find_chromium
from .conftest import run_python
from .train_python import fnv

pytestmark = pytest.mark.slow
SHOTS = os.environ.get("PUFFER_SHOTS")
"""Folder for screenshots, to look at."""
TABLE = "document.body.dataset"
KEYS = {"left": "ArrowLeft", "right": "ArrowRight", "up": "ArrowUp", "down": "ArrowDown"}

PADDLE = """() => {
    const canvas = document.getElementById('screen');
    const row = canvas.getContext('2d').getImageData(0, Math.round(canvas.height * 0.922), canvas.width, 1).data;
    for (let x = 0; x < canvas.width; x++) if (row[4 * x] === 62 && row[4 * x + 1] === 207) return x / canvas.width;
}"""
"""Where the left edge of breakout's paddle is, 0 to 1."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if find_chromium() is None:
        pytest.skip("no Chromium on PATH: apt install chromium")
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


def shoot(browser: Browser, name: str) -> None:
    if SHOTS:
        browser.picture(Path(SHOTS) / f"{name}.png", whole=True)


def check(browser: Browser, site: str) -> None:
    assert browser.faults() == []
    assert browser.requests()
    assert [url for url in browser.requests() if not url.startswith((site, "blob:", "data:"))] == []


@pytest.mark.parametrize("name", puffer_envs.list_envs())
def test_every_page_loads_and_plays(name: str, site: str, browser: Browser) -> None:
    browser.show(1280, 900)
    browser.open(f"{site}/{name}.html")
    browser.run("document.getElementById('speed').value = 8; document.getElementById('speed').onchange()")
    browser.wait(f"{TABLE}.steps >= 40 && {TABLE}.pictures >= 20")
    driver = browser.run("document.getElementById('driver').textContent")
    convolutions = PolicyFile.read(trained_policy(name)).info.encoder != "flat"  # which pages do not run
    assert driver == ("random moves" if convolutions else "the trained policy plays")
    assert browser.run("document.getElementById('train').disabled") == convolutions
    shoot(browser, name)
    check(browser, site)


@pytest.mark.parametrize(("width", "dark"), [(1280, True), (1280, False), (390, True), (390, False)])
def test_the_index_shows_all(width: int, dark: bool, site: str, browser: Browser) -> None:
    browser.show(width, 844, dark=dark)
    browser.open(f"{site}/index.html")
    assert browser.run("document.querySelectorAll('a.card').length") == len(puffer_envs.list_envs())
    browser.wait("document.querySelector('canvas').width > 16")
    assert browser.run("document.documentElement.scrollWidth") <= width
    shoot(browser, f"index-{width}-{'dark' if dark else 'light'}")
    check(browser, site)


@pytest.mark.parametrize(("width", "dark"), [(390, True), (390, False), (820, True), (1280, False)])
def test_a_page_fits_every_screen(width: int, dark: bool, site: str, browser: Browser) -> None:
    browser.show(width, 844, dark=dark, scale=2 if width < 900 else 1)
    browser.open(f"{site}/cartpole.html")
    browser.wait(f"{TABLE}.pictures >= 5")
    assert browser.run("document.documentElement.scrollWidth") <= width
    shoot(browser, f"cartpole-{width}-{'dark' if dark else 'light'}")


def test_a_person_plays_by_keys_and_hands_over_by_tab(site: str, browser: Browser) -> None:
    browser.show(1280, 900)
    browser.open(f"{site}/breakout.html")
    paddle = f"({PADDLE})()"
    driver = "document.getElementById('driver').textContent"
    browser.key("Tab")
    browser.wait(f"{driver} === 'you play'")
    for key, there in (("ArrowLeft", f"{paddle} < 0.08"), ("ArrowRight", f"{paddle} > 0.8")):
        browser.key(key, up=False)
        browser.wait(there)
        browser.key(key, down=False)
    browser.run("new Promise((done) => setTimeout(done, 300))")
    place = browser.run(paddle)
    assert place > 0.8 or place == pytest.approx(0.45, abs=0.005), (
        "nobody else moves the paddle, unless a ball was lost and another is served"
    )
    browser.key("Tab")
    browser.wait(f"{driver} === 'the trained policy plays'")
    browser.wait(f"{paddle} !== {place}")
    browser.key("a", up=False)
    browser.wait(f"{driver} === 'you play'")
    browser.key("a", down=False)
    browser.wait(f"{driver} === 'the trained policy plays'")
    check(browser, site)


def test_buttons_play_as_keys_do(site: str, browser: Browser) -> None:
    browser.show(390, 844)
    browser.open(f"{site}/pong.html")
    place = "(() => { const box = document.querySelector('#pads button').getBoundingClientRect();" \
        " return [box.x + box.width / 2, box.y + box.height / 2]; })()"  # fmt: skip
    browser.run("document.querySelector('#pads button').scrollIntoView({ block: 'center' })")
    x, y = browser.run(place)
    touch = [{"x": x, "y": y}]
    browser.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=touch)
    browser.wait("document.getElementById('driver').textContent === 'you play'")
    browser.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    browser.wait("document.getElementById('driver').textContent !== 'you play'")
    check(browser, site)


def test_time_goes_back_and_on(site: str, browser: Browser) -> None:
    browser.show(1280, 900)
    browser.open(f"{site}/snake.html")
    picture = "document.getElementById('screen').toDataURL()"
    steps = f"Number({TABLE}.steps)"
    browser.wait(f"{steps} > 5")
    browser.key("p")
    browser.run("new Promise((done) => setTimeout(done, 100))")
    at, seen = browser.run(steps), browser.run(picture)
    browser.key("[")
    browser.wait(f"{steps} === {at - 1}")
    assert browser.run(picture) != seen
    browser.key("]")
    browser.wait(f"{steps} === {at}")
    assert browser.run(picture) == seen, "the same step leads to the same picture"
    browser.key("r")
    browser.wait(f"{steps} === 0")


def test_a_move_is_taken_back(site: str, browser: Browser) -> None:
    """Without a pause, where the game waits."""
    browser.show(1280, 900)
    browser.open(f"{site}/gomoku.html")
    browser.run("document.getElementById('take').click(); document.getElementById('reset').click()")
    waits = "document.getElementById('driver').textContent.includes('click')"
    for key, steps in (("Enter", 1), ("z", 0), ("Enter", 1)):
        browser.wait(waits)
        browser.key(key)
        browser.wait(f"{TABLE}.steps === '{steps}'")
    check(browser, site)


def test_settings_change_the_game(site: str, browser: Browser) -> None:
    browser.show(1280, 900)
    browser.open(f"{site}/snake.html")
    browser.run("document.getElementById('settings-box').open = true")
    row = "[...document.querySelectorAll('#settings label')].find((r) => r.textContent.startsWith('num snakes'))"
    browser.run(f"(() => {{ const i = {row}.querySelector('[type=number]'); i.value = 3; i.onchange(); }})()")
    assert browser.run("document.querySelectorAll('#agent option').length") == 3
    assert "--env.num-snakes 3" in browser.run("document.getElementById('command').textContent")
    browser.run(f"(() => {{ const i = {row}.querySelector('[type=number]'); i.value = 4000; i.onchange(); }})()")
    assert "do not go together" in browser.run("document.getElementById('fault').textContent")
    browser.run("document.getElementById('defaults').click()")
    assert browser.run("document.getElementById('fault').hidden")


def test_cartpole_is_learned_and_saved(site: str, browser: Browser, tmp_path: Path) -> None:
    """What the page trained plays in Python, and is what puffer-train trains with the same seed, bit for bit."""
    browser.show(1280, 900)
    browser.open(f"{site}/cartpole.html")
    browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    browser.run("document.getElementById('train').click()")
    browser.wait(f"{TABLE}.trained >= 200000", 60)
    shoot(browser, "cartpole-training")
    browser.run("document.getElementById('train').click()")
    browser.run("new Promise((done) => setTimeout(done, 300))")
    paused = browser.run(f"{TABLE}.trained")
    browser.run("document.getElementById('train').click()")
    browser.wait(f"{TABLE}.trained > {paused}", 60)
    browser.wait("document.getElementById('train').textContent === 'Done'", 120)
    assert float(browser.run(f"{TABLE}.score")) > 480
    assert browser.run("document.getElementById('driver').textContent") == "what you train plays"
    shoot(browser, "cartpole-trained")
    browser.run("document.getElementById('download').click()")
    saved = tmp_path / "cartpole.safetensors"
    browser.wait("true")
    for _ in range(100):
        if saved.exists() and saved.stat().st_size > 20_000:
            break
        browser.run("new Promise((done) => setTimeout(done, 50))")
    policy = load_policy(saved)
    with puffer_envs.make("cartpole", 16, seed=3) as env:
        env.reset()
        for _ in range(600):
            env.step(policy.act(env.observations))
            policy.reset(env.terminals | env.truncations)
        assert env.log()["score"] > 480
    found = PolicyFile.read(saved)
    assert found.info.settings["max_steps"] == 500
    cores = [found.tensors[f"core.{layer}.weight"] for layer in range(found.info.layers)]
    numbers = np.concatenate(
        [x.ravel() for x in (found.tensors["encoder.weight"], *cores, found.tensors["head.weight"])]
    )
    assert f"{fnv(numbers.tobytes()):016x}" == run_python("cartpole", "123", "1").split()[0]
    check(browser, site)


SCREEN = "document.getElementById('screen')"
PIXELS = f"""(() => {{
    const data = {SCREEN}.getContext('2d').getImageData(0, 0, {SCREEN}.width, {SCREEN}.height).data;
    let hash = 0xcbf29ce484222325n;
    for (const byte of data) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
    return `${{{SCREEN}.width}} ${{{SCREEN}.height}} ${{hash.toString(16)}}`;
}})()"""


def seen_at_its_own_size(browser: Browser, name: str) -> None:
    """Make the canvas as large as the environment's picture, so that pixels can be compared."""
    width = drawing_for(name, None).size[0]
    across = 1280
    for _ in range(3):
        browser.show(across, 2000)  # so that only the width limits it
        across += width - browser.run(f"{SCREEN}.clientWidth")
    browser.wait(f"{SCREEN}.width === {width}")


def opened(browser: Browser, file: Path) -> None:
    """Give a file to the page, as the button does."""
    root = browser.call("DOM.getDocument")["root"]["nodeId"]
    field = browser.call("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
    browser.call("DOM.setFileInputFiles", files=[str(file)], nodeId=field)


def download(browser: Browser, button: str, file: Path) -> Path:
    """Press a button, and wait for what it saves."""
    browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(file.parent))
    browser.run(f"document.getElementById('{button}').click()")
    for _ in range(200):
        if file.exists() and file.stat().st_size > 100:
            break
        browser.run("new Promise((done) => setTimeout(done, 50))")
    return file


def rendered(replay: Path, frame: int, *options: str) -> str:
    """What PIXELS is of a picture by puffer-render."""
    picture = replay.with_suffix(".png")
    assert render([str(replay), str(picture), "--frame", str(frame), *options]) == 0
    pixels = np.round(imread(picture) * 255).astype(np.uint8)
    opaque = np.full((*pixels.shape[:2], 1), 255, np.uint8)
    whole = np.ascontiguousarray(np.concatenate([pixels[..., :3], opaque], -1))
    return f"{pixels.shape[1]} {pixels.shape[0]} {fnv(whole.tobytes()):x}"


def test_a_step_is_shown_to_its_end_where_the_game_waits(site: str, browser: Browser, tmp_path: Path) -> None:
    """One glides to the next tile, and stays there until the next key."""
    browser.show(1280, 900)
    browser.open(f"{site}/frozen_lake.html")
    browser.key("Tab")
    browser.key("r")
    seen_at_its_own_size(browser, "frozen_lake")
    before = browser.run(PIXELS)
    browser.key("ArrowDown")
    browser.wait(f"{TABLE}.steps === '1'")
    browser.run("new Promise((done) => setTimeout(done, 1500))")
    seen = browser.run(PIXELS)
    assert seen not in (before, None)
    assert seen == rendered(download(browser, "save", tmp_path / "frozen_lake.puf"), 5), "the last of five frames"
    check(browser, site)


def test_a_game_is_saved_rendered_and_opened(site: str, browser: Browser, tmp_path: Path) -> None:
    """puffer-render draws the last moment as the page did, to the pixel; and the page plays the file to its end."""
    browser.show(1280, 900)
    browser.open(f"{site}/breakout.html")
    browser.wait(f"{TABLE}.steps > 150")
    browser.key("p")
    browser.key("[")
    seen_at_its_own_size(browser, "breakout")
    seen, steps = browser.run(PIXELS), int(browser.run(f"{TABLE}.steps"))
    saved = download(browser, "save", tmp_path / "breakout.puf")
    assert len(Replay.load(saved)) == steps
    assert seen == rendered(saved, steps)
    opened(browser, saved)
    browser.key("p")
    browser.wait("document.getElementById('driver').textContent === 'a replay plays'")
    browser.run("document.getElementById('speed').value = 8; document.getElementById('speed').onchange()")
    browser.wait("document.getElementById('driver').textContent === 'the replay has ended'", 60)
    assert browser.run(PIXELS) == seen
    check(browser, site)


@pytest.mark.parametrize("name", ["snake", "enduro", "drone"])
def test_a_replay_from_elsewhere_is_played(name: str, site: str, browser: Browser, tmp_path: Path) -> None:
    """Several environments from the middle of a run, frames skipped, real numbers: its state hashes are compared."""
    replay = tmp_path / "one.puf"
    with puffer_envs.make(name, 2, first=3) as env:
        env.start_replay(2**63 + 5)
        for actions in golden_actions(name)[:100]:
            env.step(actions.reshape(ENVS, -1)[:2].reshape(env.actions.shape))
        env.save_replay(replay)
    browser.show(1280, 900)
    browser.open(f"{site}/{name}.html")
    browser.run("document.getElementById('speed').value = 8; document.getElementById('speed').onchange()")
    opened(browser, replay)
    browser.wait("document.getElementById('driver').textContent === 'the replay has ended'", 60)
    assert browser.run(f"{TABLE}.steps") == "100"
    check(browser, site)
    replay.write_bytes(replay.read_bytes()[:-3] + b"abc")
    opened(browser, replay)
    browser.wait("document.getElementById('fault').textContent.includes('damaged')")


@pytest.mark.parametrize("name", ["breakout", "drone", "connect4"])
def test_what_a_policy_thinks_is_shown(name: str, site: str, browser: Browser) -> None:
    browser.show(1280, 1200)
    browser.open(f"{site}/{name}.html")
    assert browser.run("document.getElementById('mind').width") == 16
    browser.run("document.getElementById('mind-box').open = true")
    browser.wait(f"{TABLE}.steps >= 5 && document.getElementById('mind').height > 150")
    shoot(browser, f"mind-{name}")
    browser.run("document.getElementById('policy').value = 'none'; document.getElementById('policy').onchange()")
    browser.wait("document.getElementById('mind').height === 40")
    check(browser, site)


def test_the_command_serves_it(isolated: str, browser: Browser) -> None:
    """With its own headers: a page plays and trains under the stricter ones, and says that several workers do."""
    browser.show(1280, 900)
    browser.open(f"{isolated}/squared.html")
    assert browser.run("crossOriginIsolated")
    assert "workers train." in browser.run("document.getElementById('plan').textContent")
    browser.run("document.getElementById('train').click()")
    browser.wait(f"{TABLE}.trained > 0", 60)
    assert int(browser.run(f"{TABLE}.workers")) > 1
    check(browser, isolated)


TRAIN = """new Promise(async (done, fail) => {{
    const {{ train, curriculum }} = await (await fetch('data/{name}.json')).json();
    const worker = new Worker('trainer.js', {{ type: 'module' }});
    let reports = 0;
    worker.onmessage = ({{ data }}) => {{
        if (data.kind === 'fault') fail(new Error(data.text));
        if (++reports < {reports}) return;
        worker.terminate();
        done([data.workers, data.report.steps, [...new Uint8Array(data.policy.numbers.buffer)]]);
    }};
    worker.postMessage({{
        kind: 'start', name: '{name}', workers: {workers}, env: {{}}, train, curriculum, seed: 7,
    }});
}})"""


@pytest.mark.parametrize(("name", "reports"), [("cartpole", 10), ("racer", 1), ("hex", 1)])
def test_several_workers_train_the_same_bytes(name: str, reports: int, isolated: str, browser: Browser) -> None:
    """Truncations, real numbers, masks: on two Workers and three, as puffer-train does."""
    browser.show(1280, 900)
    browser.open(f"{isolated}/{name}.html")
    browser.run("document.getElementById('pause').click()")
    for workers in (2, 3):
        used, steps, numbers = browser.run(TRAIN.format(name=name, reports=reports, workers=workers))
        assert used == workers
        assert run_python(name, str(reports), "7").startswith(f"{fnv(bytes(numbers)):016x} steps {steps}")


def test_one_worker_trains_where_memory_cannot_be_shared(site: str, browser: Browser) -> None:
    browser.show(1280, 900)
    browser.open(f"{site}/cartpole.html")
    assert "One worker trains" in browser.run("document.getElementById('plan').textContent")
    used, *_ = browser.run(TRAIN.format(name="cartpole", reports=1, workers=3))
    assert used == 1, "even if three are asked for"


def test_a_missing_file_is_named(site: str, browser: Browser) -> None:
    browser.show(1280, 900)
    browser.open(f"{site}/squared.html")
    missing = "import('./module.js').then((m) => m.fetchBytes('envs/none.wasm'))"
    browser.run(f"{missing}.catch((fault) => {{ setTimeout(() => {{ throw fault; }}); }})")
    browser.wait("!document.getElementById('fault').hidden")
    assert json.loads(browser.run("JSON.stringify(document.getElementById('fault').textContent)")).endswith(
        "none.wasm: 404"
    )


BOARDS = {
    "othello": 390,
    "gomoku": 390,
    "backgammon": 1280,
    "hex": 1280,
    "go": 390,
    "checkers": 1280,
    "connect4": 390,
    "merge2048": 390,
    "delve": 390,
    "cards": 1280,
    "tower": 1280,
}
"""Environments that are played by clicks, and a width at which that is tried: with a finger on a phone."""


def tap(browser: Browser, x: float, y: float, *, finger: bool) -> None:
    """Click at a point of the window, or touch it."""
    if finger:
        browser.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        browser.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        return
    for kind in ("mousePressed", "mouseReleased"):
        browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


def click_at(drawing: Drawing, state: Any, rng: np.random.Generator) -> tuple[float, float, int]:
    """A point of the picture where a click is an action, and the action."""
    assert drawing.touch is not None
    while True:
        x, y = (float(rng.uniform(0, side)) for side in drawing.size)
        action = drawing.touch(state, x, y)
        if action is not None:
            return x, y, action


@pytest.mark.parametrize(("name", "width"), BOARDS.items())
def test_boards_are_played_by_clicks(name: str, width: int, site: str, browser: Browser, tmp_path: Path) -> None:
    """The same points mean the same actions as in a window: the same game is played beside the page's."""
    drawing, rng = drawing_for(name, None), np.random.default_rng(1)
    browser.show(width, 1400)
    browser.open(f"{site}/{name}.html")
    browser.run("document.getElementById('take').click(); document.getElementById('reset').click()")
    waits = "document.getElementById('driver').textContent.includes('click')"
    settings = PolicyFile.read(trained_policy(name)).info.settings
    with puffer_envs.make(name, 1, seed=1, **settings) as env:
        env.reset()
        for number in range(5):
            while env.action_masks is not None and env.action_masks[0].sum() == 1:
                env.step(np.full_like(env.actions, env.action_masks[0].argmax()))  # as the page does by itself
            browser.wait(waits)
            x, y, action = click_at(drawing, env.state(0), rng)
            box = f"(() => {{ const b = {SCREEN}.getBoundingClientRect(); return [b.x, b.y, b.width]; }})()"
            view = "document.querySelector('.view')"
            browser.run(f"{view}.scrollLeft = {x / drawing.size[0]} * {view}.scrollWidth - {view}.clientWidth / 2")
            left, top, wide = browser.run(box)
            scale, steps = wide / drawing.size[0], int(browser.run(f"{TABLE}.steps"))
            browser.run("new Promise((done) => setTimeout(done, 100))")  # the last step is shown to its end
            end = time.monotonic() + 20
            while int(browser.run(f"{TABLE}.steps")) == steps:
                assert time.monotonic() < end, (number, x, y, action)
                tap(browser, left + x * scale, top + y * scale, finger=width < 600)
                browser.run("new Promise((done) => setTimeout(done, 150))")
            env.step(np.full_like(env.actions, action))
            if number == 2:
                shoot(browser, f"clicked-{name}-{width}")
        browser.wait(waits)
        while env.action_masks is not None and env.action_masks[0].sum() == 1:
            env.step(np.full_like(env.actions, env.action_masks[0].argmax()))
        for played in Replay.load(download(browser, "save", tmp_path / f"{name}.puf")).play():
            last = played.state_hash(0)
        assert last == env.state_hash(0)
    check(browser, site)


TRAPPED = """
#include "draw/envs/squared.h"
static int32_t steps;
static void fault(void) {{ {fault} }}
static void step_all(const PufLayout* layout, void* states, int32_t n, PufIo io)
{{
    static void* first;
    first = first ? first : states;
    if ({of} && ++steps == {at}) {{
        fault();
    }}
    squared_step_all(layout, states, n, io);
}}
const PufSpec* puf_export(void);
const PufSpec* puf_export(void)
{{
    static PufSpec spec;
    memcpy(&spec, &PUF_SPEC(squared), sizeof spec);
    spec.step_all = step_all;
    return &spec;
}}
const PufDrawing* puf_drawing(const char* name) {{ return name ? &squared_drawing : &squared_drawing; }}
"""
"""squared, with a fault in the step of this number, of all or of those that another Worker takes."""
FAULTS = {
    "memory access out of bounds": "*(volatile int32_t*)0x7fff0000 = steps;",
    "unreachable": "__builtin_trap();",
    "out of bounds": "((void (*volatile)(void))0xffff)();",
}


@pytest.mark.parametrize(("where", "words"), list(zip(("page", "training", "index"), FAULTS, strict=True)))
def test_a_fault_in_a_module_is_explained(
    where: str, words: str, site: str, isolated: str, web: ModuleType, browser: Browser, tmp_path: Path
) -> None:
    """Its page says what happened, beside the last picture, also if a Worker that helps has stopped; on the index the
    other games play on."""
    of, address = ("states != first", isolated) if where == "training" else ("1", site)
    folder, source, name = web.CACHE / "site", tmp_path / "trapped.c", f"trapped-in-{where}"
    source.write_text(TRAPPED.format(fault=FAULTS[words], of=of, at=60))
    web.link_env(web.compile_object(source, [web.EXACT]), folder / f"envs/{name}.wasm")
    about = json.loads((folder / "data/squared.json").read_text()) | {"policy": False, "name": name}
    (folder / f"data/{name}.json").write_text(json.dumps(about))
    shown = (folder / ("index.html" if where == "index" else "squared.html")).read_text()
    (folder / f"{name}.html").write_text(shown.replace('data-env="squared"', f'data-env="{name}"'))
    box = "document.querySelector('.stopped')" if where == "index" else "document.getElementById('fault')"
    browser.show(1280, 900)
    browser.open(f"{address}/{name}.html")
    if where == "training":
        browser.run("document.getElementById('pause').click(); document.getElementById('train').click()")
    if where == "index":
        browser.run(f"document.querySelector('canvas[data-env={name}]').scrollIntoView()")
        browser.wait(f"{box} !== null", 60)
        assert browser.run("document.querySelectorAll('.stopped').length") == 1
    else:
        browser.wait(f"!{box}.hidden", 60)
        assert int(browser.run("document.getElementById('screen').width")) > 16
    said = browser.run(f"{box}.textContent")
    assert said.startswith("The training stopped" if where == "training" else "The game stopped")
    assert words in said and "Reload the page" in said
    shoot(browser, f"fault-{where}")
