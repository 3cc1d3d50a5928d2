// replay.js - replay files (docs/formats.md): a game as its settings, its seed and all actions. `puffer-render` shows them.

const MAGIC = "PUFFER REPLAY 1\n";
const HASH_EVERY = 64; // steps
const MAX_BYTES = 2 ** 28; // of actions

export const isReplay = (file) => new TextDecoder("latin1").decode(file.subarray(0, MAGIC.length)) === MAGIC;

/** Steps after which there is a hash: 0, multiples below the last, and the last. */
function hashSteps(steps, every) {
  const found = [];
  for (let step = 0; step < Math.max(steps, 1); step += every) found.push(step);
  return [...found, steps];
}

/**
 * A replay file. game: its `settings` as numbers, `seed` and `first` as BigInts, `envs`, and the `actions` of each step,
 * which are played again to take the hashes.
 */
export async function writeReplay(module, name, { settings, seed, first, envs, actions }) {
  const { c } = module;
  const game = module.newGame(settings, envs);
  c.game_seed(game, seed, first);
  const hashAt = new Set(hashSteps(actions.length, HASH_EVERY));
  const hashes = [];
  const keep = (step) => hashAt.has(step) && hashes.push(BigInt.asUintN(64, c.game_hash(game)));
  keep(0);
  actions.forEach((taken, i) => {
    module.bytes(c.game_actions(game), taken.length).set(taken);
    c.game_step(game);
    keep(i + 1);
  });
  if (actions.length === 0) hashes.push(hashes[0]);
  c.game_free(game);
  const hashBytes = new Uint8Array(new BigUint64Array(hashes).buffer);
  const packed = await pipe(new Blob(actions), new CompressionStream("deflate"));
  const header = {
    environment: name,
    version: c.web_version(),
    settings: Object.fromEntries(module.params.map((p) => [p.name, module.settingOf(p, settings[p.name] ?? p.value)])),
    num_envs: envs,
    first: Number(first),
    seed: null,
    steps: actions.length,
    hash_every: HASH_EVERY,
    hash_bytes: hashBytes.length,
    checksum: crc32(hashBytes, packed),
  };
  const text = JSON.stringify(header).replace('"seed":null', `"seed":${seed}`); // which may be beyond JavaScript's numbers
  return new Blob([MAGIC, text, "\n", hashBytes, packed], { type: "application/octet-stream" });
}

/** What writeReplay takes, `actions` as one array with `perStep` bytes for each step; and the hashes, by step. */
export async function readReplay(module, name, file) {
  const end = file.indexOf(10, MAGIC.length);
  const text = new TextDecoder().decode(file.subarray(MAGIC.length, end));
  const [header, body] = [JSON.parse(text), file.subarray(end + 1)];
  const { environment, version, steps, num_envs: envs, hash_every: every, hash_bytes: hashBytes } = header;
  if (environment !== name) throw new Error(`this is a replay of ${environment}, not of ${name}`);
  if (version !== module.c.web_version())
    throw new Error(`it was recorded with version ${version} of ${name}, this is version ${module.c.web_version()}`);
  if (crc32(body) !== header.checksum) throw new Error("the replay is damaged: its checksum does not match");
  const known = module.params.filter((p) => p.name in header.settings);
  const settings = Object.fromEntries(known.map((p) => [p.name, module.numberOf(p, header.settings[p.name])]));
  const at = hashSteps(steps, every);
  if (hashBytes !== 8 * at.length) throw new Error("the replay is damaged: the number of hashes does not match");
  const values = new BigUint64Array(body.slice(0, hashBytes).buffer);
  const actions = await pipe(new Blob([body.subarray(hashBytes)]), new DecompressionStream("deflate"), MAX_BYTES);
  const perStep = steps ? actions.length / steps : 0;
  return {
    settings,
    seed: BigInt(/"seed": *(\d+)/.exec(text)[1]),
    first: BigInt(header.first),
    envs,
    steps,
    actions,
    perStep,
    hashes: new Map(at.map((step, i) => [step, values[i]])),
  };
}

async function pipe(blob, stream, most = Infinity) {
  const parts = [];
  let size = 0;
  for (const reader = blob.stream().pipeThrough(stream).getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(parts).arrayBuffer());
    size += value.length;
    if (size > most) throw new Error("the replay is too long for a page");
    parts.push(value);
  }
}

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

/** As zlib has it. */
function crc32(...parts) {
  let crc = -1;
  for (const part of parts) for (const byte of part) crc = CRC[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
}
