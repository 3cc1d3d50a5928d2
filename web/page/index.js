// index.js - every environment, played by its trained policy in a small live picture while it is on the screen.
import { Module, explain, fetchBytes } from "./module.js";
import { Table } from "./table.js";

const PICTURES_PER_SECOND = 15;
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

async function open(canvas) {
  const name = canvas.dataset.env;
  const [module, about] = await Promise.all([Module.load(name), fetch(`data/${name}.json`).then((a) => a.json())]);
  const table = new Table(module, about);
  if (about.policy) table.addPolicy("shipped", await fetchBytes(`data/${name}.safetensors`));
  table.policy = "shipped";
  table.useSettings({ ...about.settings, ...about.play });
  for (let i = 0; i < 40; i++) table.step();
  return table;
}

function show(canvas, table) {
  const picture = table.picture(480, -1);
  if (canvas.width !== picture.width || canvas.height !== picture.height)
    [canvas.width, canvas.height] = [picture.width, picture.height];
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

/** Of a game whose module failed: its card says so, and the others still play. */
function stop(canvas, error) {
  tables.set(canvas, null);
  canvas.closest("a").append(Object.assign(document.createElement("p"), { className: "stopped", textContent: explain(error) }));
  console.error(canvas.dataset.env, error);
}

const tables = new Map();
const visible = new Set();
async function begin(canvas) {
  tables.set(canvas, null);
  try {
    const table = await open(canvas);
    tables.set(canvas, table);
    show(canvas, table);
  } catch (error) {
    stop(canvas, error);
  }
  document.body.dataset.ready = "yes";
}

const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    visible[isIntersecting ? "add" : "delete"](target);
    if (isIntersecting && !tables.has(target)) begin(target);
  }
});
document.querySelectorAll("canvas[data-env]").forEach((canvas) => watcher.observe(canvas));

let before = performance.now();
function tick(now) {
  requestAnimationFrame(tick);
  if (now - before < 1000 / PICTURES_PER_SECOND) return;
  const seconds = (now - before) / 1000;
  before = now;
  for (const canvas of visible) {
    const table = tables.get(canvas);
    if (!table) continue;
    try {
      table.advance(seconds);
      show(canvas, table);
    } catch (error) {
      stop(canvas, error);
    }
  }
}
if (!still) requestAnimationFrame(tick);
