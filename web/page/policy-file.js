// policy-file.js - policy files: docs/policy-file.md. Eight bytes hold the length of a JSON header, then come the tensors.

const ORDER = (name) =>
  name === "encoder.weight" ? 0 : name.startsWith("core.") ? 1 + Number(name.split(".")[1]) : name === "head.weight" ? 1e6 : 1e7;

/** The number that 16 bits stand for (IEEE 754 binary16). */
function fromHalf(bits) {
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  const size = exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
}

/**
 * {info, numbers, inputScale, inputMean}: what the file says of itself; encoder, core, head and log_std, one after the
 * other; and what inputs are shifted by (null: nothing) and scaled with.
 */
export function readPolicy(file) {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  if (!(length < file.length)) throw new Error("this is not a policy file");
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  const { __metadata__: metadata, ...tensors } = header;
  if (metadata?.format !== "puffer-policy-1") throw new Error("this is not a policy file");
  const info = JSON.parse(metadata.policy);
  if (info.encoder !== "flat" || info.value_head !== "scalar")
    throw new Error("this page plays plain networks; puffer-play plays this one");
  const names = Object.keys(tensors).filter((name) => !name.startsWith("input_"));
  names.sort((a, b) => ORDER(a) - ORDER(b));
  const numbersOf = (name) => {
    const [from, to] = tensors[name].data_offsets.map((at) => 8 + length + at);
    const bytes = file.slice(from, to).buffer;
    return tensors[name].dtype === "F16" ? Float32Array.from(new Uint16Array(bytes), fromHalf) : new Float32Array(bytes);
  };
  const sizes = {
    inputs: tensors["encoder.weight"].shape[1],
    rows: tensors["head.weight"].shape[0],
    actions: tensors.log_std?.shape[0] ?? 0,
  };
  const inputMean = info.normalized ? numbersOf("input_mean") : null;
  return { info, numbers: concat(names.map(numbersOf)), inputScale: numbersOf("input_scale"), inputMean, sizes };
}

/** A policy file like another one of the same environment: of another policy with its own sizes and settings. */
export async function writePolicy(like, { numbers, inputScale, inputMean }, { hidden, layers, settings }) {
  const info = { ...like.info, hidden, layers, settings: { ...like.info.settings, ...settings } };
  delete info.normalized;
  if (inputMean) info.normalized = true;
  const { inputs, rows, actions } = like.sizes;
  const gates = info.cell === "lstm" ? [4 * hidden, 2 * hidden] : [3 * hidden, hidden];
  const shapes = { "encoder.weight": [hidden, inputs] };
  for (let i = 0; i < layers; i++) shapes[`core.${i}.weight`] = gates;
  shapes["head.weight"] = [rows, hidden];
  if (info.action_kind === "box") shapes.log_std = [actions];
  const tensors = { input_scale: [[inputs], inputMean ? inputScale : like.inputScale] };
  if (inputMean) tensors.input_mean = [[inputs], inputMean];
  let at = 0;
  for (const name of Object.keys(shapes).sort((a, b) => ORDER(a) - ORDER(b))) {
    const size = shapes[name].reduce((a, b) => a * b);
    tensors[name] = [shapes[name], numbers.subarray(at, (at += size))];
  }
  const names = Object.keys(tensors).sort();
  const body = concat(names.map((name) => tensors[name][1]));
  const about = JSON.stringify(info);
  const header = { __metadata__: { format: "puffer-policy-1", policy: about, sha256: await checksum(about, body) } };
  let start = 0;
  for (const name of names) {
    const end = start + 4 * tensors[name][1].length;
    header[name] = { dtype: "F32", shape: tensors[name][0], data_offsets: [start, end] };
    start = end;
  }
  let text = JSON.stringify(header);
  text += " ".repeat((8 - (new TextEncoder().encode(text).length % 8)) % 8);
  const head = new TextEncoder().encode(text);
  const length = new Uint8Array(new BigUint64Array([BigInt(head.length)]).buffer);
  return new Blob([length, head, body], { type: "application/octet-stream" });
}

async function checksum(about, body) {
  const head = new TextEncoder().encode(about);
  const all = new Uint8Array(head.length + body.byteLength);
  all.set(head);
  all.set(new Uint8Array(body.buffer, body.byteOffset, body.byteLength), head.length);
  return [...new Uint8Array(await crypto.subtle.digest("SHA-256", all))].map((b) => b.toString(16).padStart(2, "0")).join("");
}

function concat(parts) {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
