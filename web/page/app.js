// app.js - one environment's page: play, watch, train.
import { Module, count, explain, fetchBytes } from "./module.js";
import { writePolicy } from "./policy-file.js";
import { drawCurve } from "./curve.js";
import { Mind } from "./mind.js";
import { isReplay, readReplay, writeReplay } from "./replay.js";
import { makeSettings } from "./settings.js";
import { Table } from "./table.js";

const $ = (id) => document.getElementById(id);
const name = document.body.dataset.env;
const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];
const KEY_NAMES = { " ": "space", ",": "comma", ".": "period", shift: "left_shift" };
const DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

export function fail(error) {
  $("fault").textContent = explain(error);
  $("fault").hidden = false;
  console.error(error);
}
addEventListener("error", (event) => fail(event.error ?? event.message));
addEventListener("unhandledrejection", (event) => fail(event.reason));

const [module, about] = await Promise.all([Module.load(name), fetch(`data/${name}.json`).then((a) => a.json())]);
const table = new Table(module, about);
const shipped = about.policy ? await fetchBytes(`data/${name}.safetensors`) : null;
if (shipped) table.addPolicy("shipped", shipped);

// ---- The game and its controls. ----

const defaults = about.settings;
function use(settings, replay = null) {
  $("fault").hidden = true;
  table.useSettings(settings, replay);
  $("agents").hidden = table.agents < 2;
  $("agent").replaceChildren(...count(table.agents).map((i) => new Option(`${i + 1} of ${table.agents}`, i)));
  $("agent").value = table.agent;
  show();
}

function apply(settings) {
  try {
    use(settings);
    sayCommand();
    sayPolicies();
  } catch (error) {
    fail(`These settings do not go together: ${error.message}`);
  }
}

const settings = makeSettings($("settings"), module.params, defaults, apply);
$("defaults").onclick = () => settings.reset();

function sayPolicies() {
  const labels = { shipped: "the trained policy", mine: "what you train", loaded: "the loaded file" };
  const known = Object.keys(table.policies).map((key) => new Option(labels[key], key));
  if (table.replay) known.push(new Option("the replay", "replay"));
  $("policy").replaceChildren(...known, new Option("nobody: random moves", "none"));
  $("policy").value = table.replay ? "replay" : (table.policy ?? "none");
}

function choosePolicy(key) {
  if (key === "replay") return;
  if (table.replay) use(settings.values());
  if (!table.usePolicy(key === "none" ? null : key) && key !== "none")
    fail("This policy was made for other settings of the game: choose Defaults, or train a new one.");
  sayPolicies();
}
$("policy").onchange = () => choosePolicy($("policy").value);

const actions = {
  take() {
    if (about.piloted) return;
    table.seated = !table.seated;
    $("take").textContent = table.seated ? "Hand back" : "Take over";
    $("take").setAttribute("aria-pressed", table.seated);
  },
  pause() {
    table.paused = !table.paused;
    $("pause").textContent = table.paused ? "Continue" : "Pause";
    $("pause").setAttribute("aria-pressed", table.paused);
  },
  step() {
    if (!table.paused) actions.pause();
    table.step();
  },
  back() {
    if (!table.paused && !table.waiting) actions.pause(); // a game that waits stays where it is
    table.back();
  },
  reset() {
    table.reset();
  },
};
for (const key of Object.keys(actions)) $(key).onclick = actions[key];

$("speed").replaceChildren(...SPEEDS.map((speed) => new Option(`× ${speed}`, speed)));
$("speed").value = SPEEDS.includes(about.speed) ? about.speed : 1;
$("speed").onchange = () => (table.speed = Number($("speed").value));
$("seed").onchange = () => {
  table.seed = Math.max(0, Math.floor(Number($("seed").value) || 0));
  $("seed").value = table.seed;
  table.reset();
  sayCommand();
};
$("agent").onchange = () => (table.agent = Number($("agent").value));

// ---- Keys, and buttons that do the same. ----

const clicked = module.c.picture_touches() !== 0;

const bindingsOf = (key) => about.bindings.filter((binding) => binding.keys.includes(key));
const press = (binding) => (table.held.add(binding), table.tapped.add(binding));
const release = (binding) => table.held.delete(binding);

function keyName(event) {
  const key = event.key.toLowerCase();
  if (/^arrow/.test(key)) return key.slice(5);
  if (/^[0-9]$/.test(key)) return DIGITS[Number(key)];
  return KEY_NAMES[key] ?? key;
}

const typing = (event) => /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
addEventListener("keydown", (event) => {
  if (typing(event) || event.ctrlKey || event.altKey || event.metaKey) return;
  const found = bindingsOf(keyName(event));
  if (found.length && !(event.target.tagName === "BUTTON" && event.key === " ")) {
    event.preventDefault();
    if (!event.repeat) found.forEach(press);
    return;
  }
  // Tab changes hands on the game itself; elsewhere it moves on, so that the keyboard reaches everything.
  const onGame = event.target === document.body || event.target === $("screen");
  const verb = { p: "pause", r: "reset", z: "back", "[": "back", "]": "step" }[event.key.toLowerCase()];
  if (event.key === "Tab" && onGame && !event.shiftKey) {
    event.preventDefault();
    actions.take();
  } else if (verb) actions[verb]();
});
addEventListener("keyup", (event) => bindingsOf(keyName(event)).forEach(release));
addEventListener("blur", () => table.held.clear());

const MAX_PADS = 12; // boards with a key for every move are clicked at
for (const binding of clicked && about.bindings.length > MAX_PADS ? [] : about.bindings) {
  const button = document.createElement("button");
  const caps = document.createElement("kbd");
  caps.textContent = binding.caps.join(" or ");
  button.append(binding.label.replaceAll("_", " "), caps);
  button.onpointerdown = (event) => {
    event.preventDefault();
    button.setPointerCapture(event.pointerId);
    button.classList.add("down");
    press(binding);
  };
  button.onpointerup = button.onpointercancel = () => {
    button.classList.remove("down");
    release(binding);
  };
  $("pads").append(button);
}

// ---- What is seen. ----

const WIDE = 850; // units: a picture with a panel beside its board
const screen = $("screen");
const context = screen.getContext("2d");

function show() {
  const ratio = module.c.picture_height() / module.c.picture_width();
  screen.style.aspectRatio = `1 / ${ratio}`;
  screen.style.maxWidth = `calc(max(360px, 100vh - 300px) / ${ratio})`; // so that tall games fit, with their buttons
  const width = Math.round(Math.min(1600, Math.max(320, screen.clientWidth * Math.min(2, devicePixelRatio))));
  const picture = table.picture(width, table.agents > 1 || table.personDrives ? table.agent : -1);
  if (screen.width !== picture.width || screen.height !== picture.height)
    [screen.width, screen.height] = [picture.width, picture.height];
  context.putImageData(picture, 0, 0);
  screen.classList.toggle("space", inSpace());
  screen.classList.toggle("clicked", clicked);
  screen.classList.toggle("wide", clicked && !inSpace() && module.c.picture_width() > WIDE);
}

// Dragging turns the camera of a scene, the wheel or two fingers move it nearer.
const look = { yaw: 0, pitch: 0, zoom: 1 };
const fingers = new Map();
const inSpace = () => module.c.picture_has_space() !== 0;
function turn(dx, dy, nearer) {
  look.yaw -= 0.3 * dx;
  look.pitch = Math.min(90, Math.max(-90, look.pitch + 0.3 * dy));
  look.zoom = Math.min(8, Math.max(1 / 8, look.zoom * nearer));
  module.c.picture_look(look.yaw, look.pitch, look.zoom);
}
const apart = () => {
  const [a, b] = [...fingers.values()];
  return Math.hypot(a.x - b.x, a.y - b.y);
};

// A click that was no drag is one at the picture: the drawing says which action it is, if any.
const DRAG = 8; // pixels
let pressed = null;
function click(event) {
  const box = screen.getBoundingClientRect();
  const scale = module.c.picture_width() / box.width;
  if (!module.c.picture_touches() || table.replay) return;
  if (!table.seated) actions.take(); // then the game waits
  table.touch((event.clientX - box.left) * scale, (event.clientY - box.top) * scale);
}
screen.onpointerdown = (event) => {
  pressed = { x: event.clientX, y: event.clientY };
  if (!inSpace()) return;
  screen.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
};
screen.onpointermove = (event) => {
  const from = fingers.get(event.pointerId);
  if (!from) return;
  const before = fingers.size === 2 ? apart() : 0;
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (fingers.size === 2) turn(0, 0, apart() / Math.max(1, before));
  else turn(event.clientX - from.x, event.clientY - from.y, 1);
};
screen.onpointercancel = (event) => fingers.delete(event.pointerId);
screen.onpointerup = (event) => {
  fingers.delete(event.pointerId);
  if (pressed && Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) < DRAG) click(event);
  pressed = null;
};
screen.addEventListener("wheel", (event) => {
  if (!inSpace()) return;
  event.preventDefault();
  turn(0, 0, 1.15 ** (-event.deltaY / 100));
}, { passive: false });

const number = (x) => (Number.isInteger(x) ? String(x) : x.toFixed(Math.abs(x) < 10 ? 2 : 1));
function say() {
  const person = table.seated || table.personDrives || table.byPerson;
  const replay = table.ended ? "the replay has ended" : table.following ? "a replay plays" : null;
  const who = { shipped: "the trained policy plays", mine: "what you train plays", loaded: "the loaded policy plays" };
  const waits = table.waiting ? (clicked ? ": click, or press a key" : ": press a key") : "";
  $("driver").textContent = person ? `you play${waits}` : replay ? replay : table.player ? who[table.policy] : "random moves";
  $("driver").classList.toggle("person", person);
  const { reward, steps } = table.episode;
  const value = table.value === null ? "" : ` · value ${number(table.value)}`;
  $("episode").textContent = `reward ${number(Math.round(reward * 100) / 100)} in ${steps} steps${value}`;
  const last = table.games.at(-1);
  const verdict = last?.verdict ? `: ${last.verdict}` : "";
  $("last").textContent = last ? `last game ${number(last.score)}${verdict} · games ${table.games.length}` : "";
}

const mind = new Mind($("mind"));
$("mind-box").ontoggle = () => {
  table.thinking = $("mind-box").open;
  mind.forget();
};

let before = performance.now();
let shown = 0;
function tick(now) {
  const seconds = Math.max(0, (now - before) / 1000);
  before = now;
  try {
    table.advance(seconds);
    show();
    say();
    if (table.thinking) mind.draw(table);
    shown++;
    document.body.dataset.pictures = shown;
    document.body.dataset.steps = table.steps;
  } catch (error) {
    fail(error);
    return;
  }
  requestAnimationFrame(tick);
}

// ---- Training. ----

let worker = null;
let training = false;
let points = [];
const trained = () => ({ ...about.train, ...own });
const own = {}; // settings of the training that differ on this page

// Who shares memory trains together: as many as there are cores, but one for the page; two on two, as the page needs little.
const MOST_WORKERS = 8; // gradients have 16 parts
let workers = crossOriginIsolated ? Math.min(MOST_WORKERS, Math.max(navigator.hardwareConcurrency - 1, 2)) : 1;

function sayCommand() {
  const changed = Object.entries(settings.values())
    .filter(([key, value]) => module.params.find((p) => p.name === key).value !== value)
    .map(([key, value]) => `--env.${key.replaceAll("_", "-")} ${text(key, value)}`);
  $("command").textContent = ["puffer-train", name, "--seed", table.seed, ...changed].join(" ");
  $("train").disabled = !about.trains;
  if (!about.trains) {
    $("plan").textContent = "Its network has convolutions, which pages do not run: train and watch it in a terminal.";
    return;
  }
  const { steps, num_envs: envs } = trained();
  const wide = new Intl.NumberFormat("en").format(steps);
  $("plan").textContent = `${wide} steps of ${envs} environments, as puffer-train does: watch the game improve. ${sayWorkers()}`;
}

function sayWorkers() {
  if (workers > 1) return `${workers} workers train.`;
  return crossOriginIsolated ? "One worker trains." : "One worker trains; served by puffer-web, several do.";
}

function text(key, value) {
  const param = module.params.find((p) => p.name === key);
  return param.type === "bool" ? String(Boolean(value)) : param.type === "named" ? param.choices[value] : value;
}

function sayFigures(data) {
  const { report, seconds, log } = data;
  const figures = {
    steps: new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 }).format(report.steps),
    "steps / s": new Intl.NumberFormat("en", { notation: "compact" }).format(report.steps / seconds),
    time: `${seconds.toFixed(1)} s`,
    score: number(log?.score ?? points.at(-1)?.score ?? 0),
    solved: `${Math.round(100 * (log?.perf ?? points.at(-1)?.perf ?? 0))} %`,
    entropy: report.entropy.toFixed(2),
  };
  $("figures").replaceChildren(
    ...Object.entries(figures).map(([key, value]) => {
      const box = document.createElement("div");
      for (const [tag, words] of [["dt", key], ["dd", value]]) box.append(Object.assign(document.createElement(tag), { textContent: words }));
      return box;
    }),
  );
}

function onReport(data) {
  if (data.kind === "fault") {
    sayTraining(false);
    fail(data.text);
    return;
  }
  const { hidden, layers, cell } = trained();
  const info = { ...table.policies.shipped?.info, environment: name, hidden, layers, cell: ["mingru", "lstm"][cell] };
  const first = !table.policies.mine;
  table.renewPolicy("mine", info, data.policy);
  if (first) choosePolicy("mine");
  if (data.log) points.push({ steps: data.report.steps, score: data.log.score, perf: data.log.perf });
  if (data.workers !== workers) {
    workers = data.workers;
    sayCommand();
  }
  sayFigures(data);
  drawCurve($("curve"), points, trained().steps);
  $("download").disabled = !table.policies.shipped;
  Object.assign(document.body.dataset, { workers, trained: data.report.steps, score: points.at(-1)?.score ?? 0, seconds: data.seconds });
  if (data.done) sayTraining(false, "done");
}

function sayTraining(on, label) {
  training = on;
  $("train").textContent = on ? "Pause training" : worker ? (label === "done" ? "Done" : "Continue") : "Train";
  $("train").disabled = label === "done";
  $("again").hidden = !worker || on;
}

$("train").onclick = () => {
  if (training) worker.postMessage({ kind: "pause" });
  else if (worker) worker.postMessage({ kind: "go" });
  else {
    worker = new Worker("trainer.js", { type: "module" });
    worker.onmessage = ({ data }) => onReport(data);
    worker.onerror = (event) => fail(event.message || "the training stopped");
    points = [];
    worker.postMessage({ kind: "start", name, workers, env: settings.values(), train: trained(), curriculum: about.curriculum, seed: table.seed });
  }
  sayTraining(!training);
};
$("again").onclick = () => {
  worker?.terminate();
  worker = null;
  delete table.policies.mine;
  choosePolicy(table.policies.shipped ? "shipped" : "none");
  sayTraining(false);
  $("figures").replaceChildren();
  drawCurve($("curve"), [], trained().steps);
};

$("download").onclick = async () => {
  const given = Object.fromEntries(Object.entries(settings.values()).map(([key, value]) => [key, setting(key, value)]));
  const { hidden, layers } = trained();
  const file = await writePolicy(table.policies.shipped, table.policies.mine, { hidden, layers, settings: given });
  save(file, `${name}.safetensors`);
};

function setting(key, value) {
  return module.settingOf(module.params.find((p) => p.name === key), value);
}

$("save").onclick = async () => {
  try {
    const recording = table.recording();
    if (!recording) throw new Error("This game is too long to be saved: Reset begins another one.");
    save(await writeReplay(module, name, recording), `${name}.puf`);
    document.body.dataset.saved = recording.actions.length;
  } catch (error) {
    fail(error);
  }
};

function save(file, fileName) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: fileName });
  link.click();
  URL.revokeObjectURL(link.href);
}

async function load(file) {
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (isReplay(bytes)) {
      const replay = await readReplay(module, name, bytes);
      use(replay.settings, replay);
      settings.show(replay.settings);
      sayPolicies();
      return;
    }
    table.addPolicy("loaded", bytes);
    choosePolicy("loaded");
  } catch (error) {
    fail(error);
  }
}
$("file").onchange = () => {
  const [file] = $("file").files;
  $("file").value = ""; // so that the same file can be opened again
  if (file) load(file);
};
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files[0]) load(event.dataTransfer.files[0]);
});

// ---- Begin. ----

function hint(key, what) {
  const one = document.createElement("span");
  one.append(Object.assign(document.createElement("kbd"), { textContent: key }), ` ${what}`);
  $("hint").append(one);
}

table.policy = shipped ? "shipped" : null;
use(defaults);
$("goal").textContent = about.goal;
$("reward").textContent = module.reward;
$("ends").textContent = module.ends;
if (clicked) hint("click", "or tap at the picture to play");
if (!about.piloted) hint("Tab", "take over or hand back");
if (!bindingsOf("p").length) hint("P", "pause");
hint("[ ]", "step back and forward");
if (about.waits && !bindingsOf("z").length) hint("Z", "take a move back");
if (!bindingsOf("r").length) hint("R", "reset");
if (inSpace()) hint("drag", "look around, scroll to come nearer");
if (about.piloted) {
  $("take").hidden = true;
  $("hint").append("A person plays this one with puffer-play, whose keys need Python.");
}
sayPolicies();
sayCommand();
drawCurve($("curve"), points, trained().steps);
document.body.dataset.ready = "yes";
requestAnimationFrame(tick);
