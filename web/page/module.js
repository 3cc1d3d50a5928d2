// module.js - an environment in the engine's memory: its tables, its games, its pictures and its policies.

const FUNCTIONS = 1024; // room in the table: web/build.py says which are whose, and how much memory they may have
const MEMORY = { initial: 1 << 5, maximum: 1 << 14 }; // pages of 64 KiB
const DTYPE_BYTES = [1, 1, 2, 4, 4, 8, 4, 8];

export class Module {
  /** Load an environment, and the font that pictures need. */
  static async load(name) {
    engine ??= compile("engine");
    const [shared, own, glyphs] = await Promise.all([engine, compile(name), fetchBytes("data/font.bin")]);
    const module = new Module(await join(shared, own));
    module.useFont(glyphs);
    return module;
  }

  constructor(exports) {
    this.c = exports;
    this.params = count(exports.param_count()).map((i) => ({
      name: this.text(exports.param_name(i)),
      doc: this.text(exports.param_doc(i)),
      type: ["int", "real", "bool", "named"][exports.param_type(i)],
      value: exports.param_value(i),
      low: exports.param_low(i),
      high: exports.param_high(i),
      choices: this.text(exports.param_choices(i)).split(" "),
    }));
    this.logNames = count(exports.log_count()).map((i) => this.text(exports.log_name(i)));
    this.obsBytes = DTYPE_BYTES[exports.obs_dtype()];
    this.doc = this.text(exports.web_doc());
    this.reward = this.text(exports.web_reward());
    this.ends = this.text(exports.web_ends());
    this.rate = exports.web_rate();
  }

  // Views are made for each use: they die when the memory grows.
  bytes(at, size) {
    return new Uint8Array(this.c.memory.buffer, at, size);
  }

  floats(at, size) {
    return new Float32Array(this.c.memory.buffer, at, size);
  }

  doubles(at, size) {
    return new Float64Array(this.c.memory.buffer, at, size);
  }

  text(at) {
    if (!at) return "";
    const all = new Uint8Array(this.c.memory.buffer);
    return new TextDecoder().decode(all.slice(at, all.indexOf(0, at))); // a copy: shared memory is not decoded
  }

  allocate(size) {
    const at = this.c.web_allocate(size);
    if (!at) throw new Error("out of memory");
    return at;
  }

  useFont(file) {
    const counts = new Int32Array(file.buffer, 0, 4);
    const at = this.allocate(file.length);
    this.bytes(at, file.length).set(file);
    let next = at + 16;
    const places = [...counts].map((n) => [next, (next += 4 * n)][0]);
    this.c.picture_font(...places, counts[3]);
  }

  /** A batch of environments with these settings (by name; the rest are defaults). Throws where they do not fit. */
  newGame(settings, envs = 1) {
    const at = this.allocate(8 * this.params.length);
    this.doubles(at, this.params.length).set(this.params.map((p) => settings[p.name] ?? p.value));
    const game = this.c.game_new(envs, at);
    this.c.web_free(at);
    if (!game) throw new Error(this.text(this.c.web_failure()));
    return game;
  }

  actionsOf(game) {
    return count(this.c.action_count(game)).map((i) => ({
      name: this.text(this.c.action_name(game, i)),
      choices: this.c.action_choices(game, i),
      labels: this.text(this.c.action_labels(game, i)).split(" ").filter(Boolean),
      low: this.c.action_low(game, i),
      high: this.c.action_high(game, i),
    }));
  }

  /** A setting's number in the table as people and files write it; and the other way. */
  settingOf({ type, choices }, number) {
    return type === "bool" ? Boolean(number) : type === "named" ? choices[number] : number;
  }

  numberOf({ name, type, choices }, value) {
    const number = type === "named" ? choices.indexOf(value) : Number(value);
    if (!(number > -Infinity) || (type === "named" && number < 0)) throw new Error(`${name} cannot be ${value}`);
    return number;
  }

  /** Means over the episodes that ended since the last call, by name; null when none did. */
  takeLog(game) {
    const at = this.allocate(8 * this.logNames.length);
    this.c.game_log(game, at);
    const means = this.meansOf(at);
    this.c.web_free(at);
    return means;
  }

  /** The same of sums that are in memory. */
  meansOf(at) {
    const [n, ...sums] = this.doubles(at, this.logNames.length);
    if (!n) return null;
    return Object.fromEntries([["n", n], ...sums.map((sum, i) => [this.logNames[i + 1], sum / n])]);
  }
}

let engine = null; // compiled once for all environments of a page

/** The engine, or an environment. shared: for memory that several Workers have; one bit of what it imports says so. */
export async function compile(name, shared = false) {
  const bytes = await fetchBytes(`envs/${name}.wasm`);
  const imported = "\x03env\x06memory\x02";
  const limits = new TextDecoder("latin1").decode(bytes).indexOf(imported) + imported.length;
  if (shared) bytes[limits] |= 2;
  return WebAssembly.compile(bytes);
}

export const makeMemory = (shared = false) => new WebAssembly.Memory({ ...MEMORY, shared });

/** What the engine exports, and what an environment does, in the same memory; which this fills with their data. */
export async function instantiate(engine, environment, memory) {
  const { exports } = await WebAssembly.instantiate(engine, { env: { memory } });
  const table = exports.__indirect_function_table;
  table.grow(FUNCTIONS - table.length);
  const { exports: own } = await WebAssembly.instantiate(environment, { env: exports });
  return [exports, own];
}

/** What the engine exports, ready to be used, with an environment in its memory. */
export async function join(engine, environment, memory = makeMemory()) {
  const [exports, own] = await instantiate(engine, environment, memory);
  exports._initialize();
  exports.web_use(own.puf_export(), own.puf_drawing());
  return exports;
}

export async function fetchBytes(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** An error in words; of a fault in the game's memory, or a trap of its own, also what it means. */
export function explain(error, what = "The game") {
  const text = String(error?.message ?? error);
  if (!(error instanceof WebAssembly.RuntimeError)) return text;
  return `${what} stopped: ${text}. This is an error in its code. Reload the page to begin again.`;
}

export const count = (n) => [...Array(n).keys()];
