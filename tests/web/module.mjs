// Runs compiled modules for the tests: node module.mjs VERB ARGUMENTS
//   golden MODULE ACTIONS ENVS STEPS SEED    the SHA-256 of all outputs and states, as puffer_envs.golden has it
//   program MODULE [ARGUMENT ...]            a WASI program without files; what it prints
import { createHash } from "node:crypto";
import { readFileSync, writeSync } from "node:fs";

const [verb, file, ...rest] = process.argv.slice(2);
const module = new WebAssembly.Module(readFileSync(file));

function golden(actionsFile, envs, steps, seed) {
  if (WebAssembly.Module.imports(module).length) throw new Error("the module imports something");
  const { exports: m } = new WebAssembly.Instance(module, {});
  m._initialize();
  const count = m.param_count();
  const params = m.web_allocate(8 * count);
  new Float64Array(m.memory.buffer, params, count).set([...Array(count).keys()].map((i) => m.param_value(i)));
  const game = m.game_new(envs, params);
  if (!game) throw new Error("the game could not be made");
  const rows = envs * m.game_agents(game);
  const actions = readFileSync(actionsFile);
  const taken = actions.length / steps;
  const obs = rows * m.game_obs_size(game) * [1, 1, 2, 4, 4, 8, 4, 8][m.obs_dtype()];
  const digest = createHash("sha256");
  const bytes = (at, size) => new Uint8Array(m.memory.buffer, at, size);
  m.game_seed(game, BigInt(seed));
  for (let step = 0; step <= steps; step++) {
    if (step > 0) {
      bytes(m.game_actions(game), taken).set(actions.subarray((step - 1) * taken, step * taken));
      if (m.game_step(game) !== -1) throw new Error("an action was refused");
    }
    digest.update(bytes(m.game_obs(game), obs));
    digest.update(bytes(m.game_rewards(game), 4 * rows));
    digest.update(bytes(m.game_terminals(game), rows));
    digest.update(bytes(m.game_truncations(game), rows));
    digest.update(new BigUint64Array([BigInt.asUintN(64, m.game_hash(game))]));
  }
  return digest.digest("hex");
}

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

if (verb === "golden") console.log(golden(rest[0], ...rest.slice(1).map(Number)));
else program();
