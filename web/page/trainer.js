// trainer.js - trains in a Worker of its own: messages in, figures and weights out. Where the host lets Workers share
// memory, others help (helper.js), with the same bytes as a result.
import { Module, compile, count, explain, join, makeMemory } from "./module.js";

const STACK = 1 << 20; // bytes, as in web/build.py

let module, game, trainer, numbers, workers, running, started, spent, turn;
const channel = new MessageChannel(); // unlike a timer, not slowed down while the page is hidden
channel.port1.onmessage = iterate;

self.onmessage = async ({ data }) => {
  try {
    if (data.kind === "start") await start(data);
    if (data.kind === "go" && trainer) go();
    if (data.kind === "pause") pause();
  } catch (error) {
    self.postMessage({ kind: "fault", text: explain(error, "The training") });
  }
};

async function start({ name, workers: wanted, env, train, curriculum, seed, from }) {
  const helpers = await load(name, wanted);
  const { c } = module;
  game = module.newGame(env, train.num_envs);
  const at = c.train_settings();
  const values = module.doubles(at, c.train_setting_count());
  for (let i = 0; i < values.length; i++) {
    const given = train[module.text(c.train_setting_name(i))];
    if (given !== undefined) values[i] = Number(given);
  }
  for (const rule of curriculum) c.train_rule(...rule);
  helpers.forEach((helper, i) => helper.postMessage({ part: i + 1, stacks: [makeStack(), makeStack()] }));
  trainer = c.train_new(game, train.cell, BigInt(seed), 1 + helpers.length);
  if (!trainer) throw new Error("these settings do not fit: a minibatch is whole sequences, and at most a rollout");
  numbers = c.train_size(trainer);
  workers = c.train_threads(trainer);
  if (from?.length === numbers) {
    module.floats(c.train_numbers(trainer), numbers).set(from);
    c.train_load(trainer);
  }
  spent = 0;
  turn = train.steps;
  go();
}

/** Load the environment, and the Workers that help; none of them where they cannot be had. */
async function load(name, wanted) {
  const helpers = count(wanted - 1).map(() => new Worker("helper.js", { type: "module" }));
  try {
    if (wanted > 1) await loadShared(name, helpers);
    else module = new Module(await join(await compile("engine"), await compile(name)));
    return helpers;
  } catch (error) {
    if (wanted === 1) throw error;
    console.warn("one Worker trains alone:", error); // such as where there is no room for so much memory
    helpers.forEach((helper) => helper.terminate());
    return load(name, 1);
  }
}

async function loadShared(name, helpers) {
  const modules = await Promise.all(["engine", name].map((file) => compile(file, true)));
  const memory = makeMemory(true);
  await Promise.all(helpers.map((helper) => begin(helper, { modules, memory })));
  module = new Module(await join(...modules, memory)); // last: each of them fills the memory with its first data
}

const makeStack = () => module.allocate(STACK) + STACK; // its top

function begin(helper, given) {
  return new Promise((resolve, reject) => {
    helper.onmessage = resolve;
    helper.onerror = (event) => reject(event.message);
    helper.postMessage(given);
  });
}

function go() {
  if (running) return;
  running = true;
  started = performance.now();
  channel.port2.postMessage(0);
}

function pause() {
  if (!running) return;
  running = false;
  spent += performance.now() - started;
}

function iterate() {
  if (!running) return;
  try {
    const { c } = module;
    const names = ["steps", "updates", "skipped", "learning_rate", "gradient_norm"];
    names.push("policy_loss", "value_loss", "entropy", "kl", "clip_fraction");
    const found = module.doubles(c.train_iterate(trainer), names.length);
    const report = Object.fromEntries(names.map((key, i) => [key, found[i]]));
    const seconds = (spent + performance.now() - started) / 1000;
    const copy = (at, size) => (at ? module.floats(at, size).slice() : null);
    const policy = {
      numbers: copy(c.train_numbers(trainer), numbers),
      inputScale: copy(c.train_scale(trainer), c.train_inputs(trainer)),
      inputMean: copy(c.train_mean(trainer), c.train_inputs(trainer)),
    };
    const done = report.steps >= turn;
    if (done) pause();
    const log = module.meansOf(c.train_log(trainer));
    self.postMessage({ kind: "report", report, seconds, workers, log, policy, done }, [policy.numbers.buffer]);
    channel.port2.postMessage(0);
  } catch (error) {
    running = false;
    self.postMessage({ kind: "fault", text: explain(error, "The training") });
  }
}
