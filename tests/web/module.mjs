// Runs compiled modules for the tests: node module.mjs VERB ARGUMENTS
//   golden ENGINE ENV ACTIONS ENVS STEPS SEED         the SHA-256 of all outputs and states, as puffer_envs.golden has it
//   pictures ENGINE ENV ACTIONS ENVS STEPS SEED FONT  the same of every tenth picture: of the lists, and of their pixels
//   values ENGINE ENV POLICY ENVS STEPS SEED          what a policy file thinks of a game that it plays: a line per step, of
//                                                     all values, and what it would do for the first agent
//   program MODULE [ARGUMENT ...]                     a WASI program without files; what it prints
import { createHash } from "node:crypto";
import { readFileSync, writeSync } from "node:fs";
import { Module, join } from "../../web/page/module.js";
import { readPolicy } from "../../web/page/policy-file.js";
import { Table } from "../../web/page/table.js";

const [verb, file, ...rest] = process.argv.slice(2);
const module = new WebAssembly.Module(readFileSync(file));

// Plays with actions from a file; calls back after the reset and after every step.
async function play(env, actionsFile, envs, steps, seed, prepare, each) {
  if (WebAssembly.Module.imports(module).length !== 1) throw new Error("the engine imports more than memory");
  const m = await join(module, new WebAssembly.Module(readFileSync(env)));
  const count = m.param_count();
  const params = m.web_allocate(8 * count);
  const bytes = (at, size) => new Uint8Array(m.memory.buffer, at, size);
  new Float64Array(m.memory.buffer, params, count).set([...Array(count).keys()].map((i) => m.param_value(i)));
  const game = m.game_new(envs, params);
  if (!game) throw new Error("the game could not be made");
  const actions = readFileSync(actionsFile);
  prepare(m, bytes);
  m.game_seed(game, BigInt(seed), 0n);
  for (let step = 0; step <= steps; step++) {
    if (step > 0) {
      const taken = envs * m.game_agents(game) * m.action_count(game) * 4;
      bytes(m.game_actions(game), taken).set(actions.subarray((step - 1) * taken, step * taken));
      if (m.game_step(game) !== -1) throw new Error("an action was refused");
    }
    each(m, bytes, game, step);
  }
}

async function golden(env, actionsFile, envs, steps, seed) {
  const digest = createHash("sha256");
  await play(env, actionsFile, envs, steps, seed, () => {}, (m, bytes, game) => {
    const rows = envs * m.game_agents(game);
    const obs = rows * m.game_obs_size(game) * [1, 1, 2, 4, 4, 8, 4, 8][m.obs_dtype()];
    digest.update(bytes(m.game_obs(game), obs));
    digest.update(bytes(m.game_rewards(game), 4 * rows));
    digest.update(bytes(m.game_terminals(game), rows));
    digest.update(bytes(m.game_truncations(game), rows));
    digest.update(new BigUint64Array([BigInt.asUintN(64, m.game_hash(game))]));
  });
  return digest.digest("hex");
}

async function pictures(env, actionsFile, envs, steps, seed, fontFile) {
  const [lists, pixels] = [createHash("sha256"), createHash("sha256")];
  const font = readFileSync(fontFile);
  const prepare = (m, bytes) => {
    const at = m.web_allocate(font.length);
    bytes(at, font.length).set(font);
    const counts = new Int32Array(m.memory.buffer, at, 4);
    let next = at + 16;
    const places = [...counts].map((n) => [next, (next += 4 * n)][0]);
    m.picture_font(...places, counts[3]);
  };
  await play(env, actionsFile, envs, steps, seed, prepare, (m, bytes, game, step) => {
    if (step % 10) return;
    const at = m.picture_draw(game, m.game_state(game), -1, m.picture_width());
    lists.update(bytes(m.picture_list(), 8 * m.picture_length()));
    pixels.update(bytes(at, 4 * m.picture_width() * m.picture_rows()));
  });
  return `${lists.digest("hex")} ${pixels.digest("hex")}`;
}

async function values(env, policyFile, envs, steps, seed) {
  const c = await join(module, new WebAssembly.Module(readFileSync(env)));
  const m = new Module(c);
  const policy = readPolicy(new Uint8Array(readFileSync(policyFile)));
  const table = new Table(m, { name: policy.info.environment, speed: 1, bindings: [], chords: {}, idle: [] });
  table.policies.it = { ...policy, fromFile: true };
  const given = m.params.filter((p) => p.name in policy.info.settings);
  const settings = Object.fromEntries(given.map((p) => [p.name, toNumber(p, policy.info.settings[p.name])]));
  table.game = m.newGame(settings, envs);
  if (!table.usePolicy("it")) throw new Error("the policy does not fit");
  const size = envs * c.game_agents(table.game);
  c.game_seed(table.game, BigInt(seed), 0n);
  const lines = [];
  for (let step = 0; step < steps; step++) {
    const thought = [...m.floats(c.player_think(table.player, table.game, 0), c.player_outputs(table.player))];
    c.player_act(table.player, table.game, 0n, 1);
    lines.push([...m.floats(c.player_values(table.player), size), ...thought].join(" "));
    const taken = size * c.action_count(table.game) * 4;
    m.bytes(c.game_actions(table.game), taken).set(m.bytes(c.player_actions(table.player), taken));
    c.game_step(table.game);
    c.player_forget(table.player, table.game);
  }
  return lines.join("\n");
}

const toNumber = (param, value) => (param.type === "named" ? param.choices.indexOf(value) : Number(value));

function program() {
  let m;
  const view = () => new DataView(m.memory.buffer);
  const words = ["program", ...rest].map((word) => Buffer.from(`${word}\0`));
  const wasi = {
    args_sizes_get(count, size) {
      view().setUint32(count, words.length, true);
      view().setUint32(size, Buffer.concat(words).length, true);
      return 0;
    },
    args_get(pointers, text) {
      for (const [i, word] of words.entries()) {
        view().setUint32(pointers + 4 * i, text, true);
        new Uint8Array(m.memory.buffer, text, word.length).set(word);
        text += word.length;
      }
      return 0;
    },
    fd_write(fd, vectors, count, wrote) {
      let sum = 0;
      for (let i = 0; i < count; i++) {
        const [at, size] = [0, 4].map((o) => view().getUint32(vectors + 8 * i + o, true));
        writeSync(fd, new Uint8Array(m.memory.buffer, at, size));
        sum += size;
      }
      view().setUint32(wrote, sum, true);
      return 0;
    },
    proc_exit: (code) => process.exit(code),
  };
  const others = Object.fromEntries(WebAssembly.Module.imports(module).map(({ name }) => [name, () => 8])); // EBADF
  m = new WebAssembly.Instance(module, { wasi_snapshot_preview1: { ...others, ...wasi } }).exports;
  m._start();
}

const numbers = rest.slice(2, 5).map(Number);
if (verb === "golden") console.log(await golden(rest[0], rest[1], ...numbers));
else if (verb === "values") console.log(await values(rest[0], rest[1], ...numbers));
else if (verb === "pictures") console.log(await pictures(rest[0], rest[1], ...numbers, rest[5]));
else program();
