// table.js - a game in progress, and who plays it: a policy, or a person, who may take over at any moment.
import { readPolicy } from "./policy-file.js";

const MAX_PAST = 600; // steps that can be taken back
const MAX_PAST_BYTES = 64 << 20;
const MAX_RECORDED = 64 << 20; // bytes of actions
const SHORTEST = 1 / 64; // steps that a step is shown, at least

export class Table {
  /** about: data/NAME.json. */
  constructor(module, about) {
    this.module = module;
    this.c = module.c;
    this.about = about;
    this.seed = 1;
    this.speed = about.speed;
    this.paused = false;
    this.seated = false; // the person plays also while no key is held
    this.agent = 0;
    this.held = new Set(); // bindings whose key or button is down
    this.tapped = new Set(); // or went down since the last decision
    this.touched = null; // the action that was clicked at, for the next decision
    this.policies = {}; // by name: what readPolicy gives, or numbers from a trainer
    this.policy = null;
    this.settings = {};
    this.game = 0;
    this.player = 0;
    this.replay = null; // what readReplay gives: its actions are taken
    this.thinking = false; // whether `thought` is wanted
    this.thought = null;
  }

  // ---- The game. ----

  /** Settings as they are stepped: frame by frame where the environment holds an action for several. */
  stepSettings(settings) {
    const skip = this.about.frameskip;
    return skip ? { ...settings, [skip]: 1 } : settings;
  }

  /** Make another game, or that of a replay. Throws where the settings do not fit, and keeps the old one. */
  useSettings(settings, replay = null) {
    const stepped = replay ? settings : this.stepSettings(settings);
    const envs = replay?.envs ?? 1;
    const game = this.module.newGame(stepped, envs);
    const perStep = 4 * envs * this.c.game_agents(game) * this.c.action_count(game);
    if (replay?.steps && replay.perStep !== perStep) {
      this.c.game_free(game);
      throw new Error("the replay is damaged: the number of actions does not match");
    }
    this.free();
    this.game = game;
    this.replay = replay;
    this.settings = settings;
    this.stepped = stepped;
    this.envs = envs;
    const skip = replay ? null : this.about.frameskip;
    this.hold = skip ? (settings[skip] ?? this.module.params.find((p) => p.name === skip).value) : 1;
    this.agents = this.c.game_agents(game);
    this.parts = this.module.actionsOf(game);
    this.stateSize = envs * this.c.game_state_size(game);
    this.before = this.module.allocate(this.stateSize);
    this.agent = Math.min(this.agent, this.agents - 1);
    this.usePolicy(this.policy);
    this.reset();
  }

  free() {
    if (!this.game) return;
    this.c.game_free(this.game);
    this.c.player_free(this.player);
    this.c.web_free(this.before);
    this.game = this.player = 0;
  }

  reset() {
    this.c.game_seed(this.game, this.start.seed, this.start.first);
    if (this.player) this.c.player_reset(this.player);
    this.moves = this.debt = this.steps = this.untilDecision = 0;
    this.frames = this.length = 1; // of the last step: pictures, and for how many steps it is shown
    this.touched = null;
    this.episode = { reward: 0, steps: 0 };
    this.games = [];
    this.value = null;
    this.past = [];
    this.recorded = [];
    this.branched = false; // a person has left the replay
    this.thought = null;
    this.last = this.parts.map(() => 0);
    this.keepBefore();
    this.c.game_log(this.game, this.logAt());
  }

  get start() {
    return this.replay ?? { seed: BigInt(this.seed), first: 0n };
  }

  /** Whether the replay decides, and whether it is over. */
  get following() {
    return this.replay !== null && !this.branched;
  }

  get ended() {
    return this.following && this.steps >= this.replay.steps && !this.personDrives;
  }

  /** What writeReplay takes; null: the game is too long for it. */
  recording() {
    const { stepped: settings, envs, recorded: actions } = this;
    return actions && { settings, envs, actions, ...pick(this.start) };
  }

  logAt() {
    this.logMemory ??= this.module.allocate(8 * this.module.logNames.length);
    return this.logMemory;
  }

  keepBefore() {
    const state = this.c.game_state(this.game);
    this.module.bytes(this.before, this.stateSize).set(this.module.bytes(state, this.stateSize));
  }

  // ---- Who plays. ----

  /** Play with one of the policies: by name, or null for random actions. Returns whether it fits the game. */
  usePolicy(name) {
    this.c.player_free(this.player);
    this.player = 0;
    this.policy = name;
    const policy = this.policies[name];
    if (!policy || !this.game) return false;
    const { hidden, layers, cell } = policy.info;
    const player = this.c.player_new(this.game, cell === "lstm" ? 1 : 0, hidden, layers);
    const fits =
      player &&
      this.c.player_size(player) === policy.numbers.length &&
      (!policy.inputMean || (this.c.player_mean(player) && this.c.player_inputs(player) === policy.inputMean.length)) &&
      policy.info.environment === this.about.name;
    if (!fits) {
      this.c.player_free(player);
      return false;
    }
    this.player = player;
    this.loadNumbers(policy);
    return true;
  }

  loadNumbers(policy) {
    const { c, module, player } = this;
    if (policy.inputMean) {
      module.floats(c.player_mean(player), c.player_inputs(player)).set(policy.inputMean);
      module.floats(c.player_scale(player), c.player_inputs(player)).set(policy.inputScale);
    }
    module.floats(c.player_numbers(player), policy.numbers.length).set(policy.numbers);
    c.player_load(player, policy.fromFile ? 1 : 0);
  }

  addPolicy(name, file) {
    const policy = { ...readPolicy(file), fromFile: true };
    if (policy.info.environment !== this.about.name)
      throw new Error(`this policy plays ${policy.info.environment}, not ${this.about.name}`);
    this.policies[name] = policy;
  }

  /** Newer weights of a policy under training: the game continues where it is. */
  renewPolicy(name, info, policy) {
    const known = this.policies[name];
    this.policies[name] = { info, ...policy, fromFile: false };
    if (this.policy !== name) return;
    const same = known && this.player && known.info.hidden === info.hidden && known.info.layers === info.layers;
    if (same) this.loadNumbers(this.policies[name]);
    else this.usePolicy(name);
  }

  get personDrives() {
    return this.seated || this.held.size > 0 || this.pressed;
  }

  get pressed() {
    return this.tapped.size > 0 || this.touched !== null;
  }

  /** Whether the game waits for the person's key. */
  get waiting() {
    return this.about.waits && this.seated && !this.pressed && this.canChoose;
  }

  /** Whether the agent has more than one action now; it has one while it waits for its turn. */
  get canChoose() {
    const mask = this.c.game_action_mask(this.game);
    if (!mask) return true;
    const size = this.parts.reduce((sum, part) => sum + part.choices, 0);
    const own = this.module.bytes(mask + this.agent * size, size);
    return own.reduce((sum, one) => sum + one, 0) > this.parts.length;
  }

  /** Click at a point of the picture, in its units. Returns whether that is a move. */
  touch(x, y) {
    if (!this.c.picture_touches() || (this.agents > 1 && !this.canChoose)) return false;
    const action = this.c.picture_touch(this.game, x, y);
    if (action < 0) return false;
    this.touched = action;
    return true;
  }

  decide() {
    const { c, module, game } = this;
    const size = this.envs * this.agents * this.parts.length;
    const real = this.parts[0].choices === 0;
    const View = real ? Float32Array : Int32Array;
    const actions = new View(c.memory.buffer, c.game_actions(game), size);
    if (this.player) {
      const likely = this.thinking ? this.think() : null;
      const key = BigInt(this.seed) * 0x9e3779b97f4a7c15n + BigInt(this.moves++);
      c.player_act(this.player, game, BigInt.asUintN(64, key), 0);
      actions.set(new View(c.memory.buffer, c.player_actions(this.player), size));
      this.value = module.floats(c.player_values(this.player), this.agents)[this.agent];
      this.thought = likely && { ...likely, value: this.value, state: this.memory() };
    } else {
      this.thought = null;
      this.moves++;
      actions.set(count(size).map((i) => randomAction(this.parts[i % this.parts.length])));
      this.value = null;
    }
    const from = this.agent * this.parts.length;
    this.byPerson = this.personDrives;
    if (this.byPerson) this.branched = true;
    else if (this.following) {
      const { actions: all, perStep } = this.replay;
      const taken = all.subarray(this.steps * perStep, (this.steps + 1) * perStep);
      module.bytes(c.game_actions(game), perStep).set(taken);
    }
    if (this.byPerson) actions.set(this.personAction(), from);
    this.last = [...actions.subarray(from, from + this.parts.length)];
    this.thought?.parts.forEach((part, i) => (part.chosen = this.last[i]));
    this.tapped.clear();
    this.touched = null;
  }

  // What the policy is about to do with the agent: probabilities, or mean and spread.
  think() {
    const { c, module } = this;
    const numbers = module.floats(c.player_think(this.player, this.game, this.agent), c.player_outputs(this.player));
    let at = 0;
    const parts = this.parts.map((part, i) =>
      part.choices
        ? { ...part, likely: numbers.slice(at, (at += part.choices)) }
        : { ...part, mean: numbers[i], spread: numbers[i + this.parts.length] },
    );
    return { parts };
  }

  // What it remembers of the agent: the numbers of each layer.
  memory() {
    const { c, module } = this;
    const { hidden, layers } = this.policies[this.policy].info;
    const rows = this.envs * this.agents;
    const row = c.player_state_row(this.player);
    const all = module.floats(c.player_state(this.player), layers * rows * row);
    return count(layers).map((layer) => Array.from(all.subarray((layer * rows + this.agent) * row).subarray(0, hidden)));
  }

  personAction() {
    if (this.touched !== null) return [this.touched];
    const { chords, presses } = this.about;
    if (presses.length) {
      const numbers = this.about.bindings.flatMap((b) =>
        this.held.has(b) || this.tapped.has(b) ? [presses.indexOf(b.label)] : [],
      );
      return [this.c.picture_press(this.game, Math.min(...numbers, presses.length - 1))];
    }
    if (Object.keys(chords).length) {
      const labels = this.about.bindings.filter((b) => this.held.has(b) || this.tapped.has(b)).map((b) => b.label);
      return chords[labels.sort().join("+")] ?? chords[""];
    }
    const action = this.parts.map((part, i) => this.about.idle[i] ?? this.last[i]);
    for (const binding of this.about.bindings)
      if (this.held.has(binding) || this.tapped.has(binding)) action[binding.part] = binding.value;
    return action;
  }

  // ---- Time. ----

  step() {
    const { c, game } = this;
    this.remember();
    if (this.untilDecision === 0) {
      this.decide();
      this.untilDecision = this.hold;
    }
    this.keepBefore();
    this.record();
    c.game_step(game);
    this.steps++;
    const frames = c.picture_frames(this.before, c.game_state(game));
    this.frames = frames || Math.round(this.about.frameRate / this.module.rate);
    this.length = frames ? Math.max((frames * this.module.rate) / this.about.frameRate, SHORTEST) : 1;
    const hash = this.following && this.replay.hashes.get(this.steps);
    if (hash && BigInt.asUintN(64, c.game_hash(game)) !== hash)
      throw new Error(`the replay does not repeat itself: step ${this.steps} leads to another state`);
    this.untilDecision--;
    this.episode.steps++;
    this.episode.reward += this.module.floats(c.game_rewards(game), this.agents)[this.agent];
    const ended = this.module.bytes(c.game_terminals(game), this.agents)[this.agent] |
      this.module.bytes(c.game_truncations(game), this.agents)[this.agent];
    if (this.player) c.player_forget(this.player, game);
    if (ended) {
      const log = this.module.takeLog(game);
      const score = this.agents === 1 && log ? log.score : this.episode.reward;
      const verdict = this.module.text(c.picture_verdict(c.game_state(game), this.agent));
      this.games.push({ score, steps: this.episode.steps, verdict });
      this.episode = { reward: 0, steps: 0 };
      this.untilDecision = 0;
    }
  }

  record() {
    const size = 4 * this.envs * this.agents * this.parts.length;
    if (this.recorded?.length * size > MAX_RECORDED) this.recorded = null;
    this.recorded?.push(this.module.bytes(this.c.game_actions(this.game), size).slice());
  }

  /** Let this many seconds pass. */
  advance(seconds) {
    if (this.paused) return;
    const rate = this.about.frameskip && !this.replay ? this.about.frameRate : this.module.rate;
    this.debt += Math.min(seconds, 0.25) * rate * this.speed;
    if (this.about.waits && this.seated && this.pressed && this.canChoose) {
      if (this.debt < this.length - 1) this.tapped.clear(), (this.touched = null); // it ends what is shown
      this.debt = this.length;
    }
    while (this.debt >= this.length) {
      if (this.waiting || this.ended) {
        this.debt = this.length; // the last step is shown to its end
        return;
      }
      this.debt -= this.length;
      this.step();
    }
  }

  remember() {
    const { c, module } = this;
    const player = this.player
      ? module.floats(c.player_state(this.player), c.player_state_size(this.player)).slice()
      : null;
    const state = module.bytes(c.game_state(this.game), this.stateSize).slice();
    const { steps, moves, untilDecision, value, last } = this;
    const { branched } = this;
    this.past.push({ state, player, steps, moves, untilDecision, value, last, branched, episode: { ...this.episode } });
    const most = Math.max(2, Math.min(MAX_PAST, MAX_PAST_BYTES / (this.stateSize + (player?.byteLength ?? 0))));
    if (this.past.length > most) this.past.shift();
  }

  /** Go back one step. Returns whether there was one. */
  back() {
    const moment = this.past.pop();
    if (!moment) return false;
    const { c, module } = this;
    this.recorded?.pop();
    this.frames = this.length = 1;
    this.debt = 0;
    module.bytes(c.game_state(this.game), this.stateSize).set(moment.state);
    c.game_observe(this.game);
    if (moment.player && this.player) module.floats(c.player_state(this.player), moment.player.length).set(moment.player);
    const { state, player, ...rest } = moment;
    Object.assign(this, rest);
    this.keepBefore();
    return true;
  }

  // ---- What is seen. ----

  /** The picture, `width` pixels wide. */
  picture(width, person) {
    const { c, module } = this;
    let state = c.game_state(this.game);
    const { frames } = this;
    if (c.picture_moves() && frames > 1 && this.steps > 0 && !this.paused) {
      const frame = 1 + Math.floor((this.debt / this.length) * frames);
      if (frame < frames) state = c.picture_between(this.game, this.before, state, frame, frames);
    }
    const pixels = c.picture_draw(this.game, state, person, width);
    if (!pixels) throw new Error("out of memory");
    const height = c.picture_rows();
    return new ImageData(new Uint8ClampedArray(c.memory.buffer, pixels, 4 * width * height).slice(), width, height);
  }
}

const pick = ({ seed, first }) => ({ seed, first });
const count = (n) => [...Array(n).keys()];

function randomAction({ choices, low, high }) {
  return choices ? Math.floor(Math.random() * choices) : low + (high - low) * Math.random();
}
