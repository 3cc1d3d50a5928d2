// mind.js - what a policy thinks, live: what it would do, what it expects, and what it remembers.

const KEPT = 240; // values of the curve
const LISTED = 10; // choices of one part of an action that get a bar each
const [LINE, LEFT, GAP, CURVE] = [20, 92, 14, 66]; // pixels

export class Mind {
  constructor(canvas) {
    this.canvas = canvas;
    this.forget();
  }

  forget() {
    this.values = [];
    this.step = -1;
  }

  /** Draw what table.thought holds; nothing where no policy plays. */
  draw(table) {
    const { thought } = table;
    if (thought && table.steps !== this.step) {
      this.step = table.steps;
      this.values.push(thought.value);
      if (this.values.length > KEPT) this.values.shift();
    }
    const style = getComputedStyle(document.documentElement);
    this.color = (name) => style.getPropertyValue(name).trim();
    if (!thought) {
      this.begin(40);
      this.write("no policy plays", 0, 24);
      return;
    }
    const memory = Math.max(36, 12 * thought.state.length);
    const pen = this.begin(thought.parts.reduce((sum, part) => sum + heightOf(part), CURVE + memory + 6));
    let y = 0;
    for (const part of thought.parts) {
      this.part(pen, part, y);
      y += heightOf(part);
    }
    this.curve(pen, y);
    this.state(pen, thought.state, y + CURVE, memory);
  }

  begin(height) {
    const ratio = Math.min(2, devicePixelRatio);
    this.width = this.canvas.clientWidth || 320;
    this.canvas.style.height = `${height}px`;
    const size = [Math.round(this.width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== size[0] || this.canvas.height !== size[1]) [this.canvas.width, this.canvas.height] = size;
    const pen = (this.pen = this.canvas.getContext("2d"));
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.width, height);
    pen.font = "12px system-ui, sans-serif";
    return pen;
  }

  write(text, x, y, { align = "left", color = "--quiet", most = 1e4 } = {}) {
    this.pen.textAlign = align;
    this.pen.fillStyle = this.color(color);
    this.pen.fillText(text, x, y, most);
  }

  part(pen, part, y) {
    if (!part.choices) {
      this.range(pen, part, y);
      return;
    }
    const bars = barsOf(part);
    const room = this.width - LEFT - 44;
    for (const { label, likely, chosen } of bars) {
      this.write(label, LEFT - 8, y + 14, { align: "right", color: chosen ? "--text" : "--quiet", most: LEFT - 10 });
      pen.fillStyle = this.color("--edge");
      pen.fillRect(LEFT, y + 4, room, 12);
      pen.fillStyle = this.color(chosen ? "--mint" : "--sky");
      pen.fillRect(LEFT, y + 4, room * likely, 12);
      this.write(`${Math.round(100 * likely)} %`, this.width, y + 14, { align: "right" });
      y += LINE;
    }
  }

  // Between the bounds: where the mean is, a spread to each side, and what was done.
  range(pen, { name, low, high, mean, spread, chosen }, y) {
    const room = this.width - LEFT - 44;
    const x = (value) => LEFT + room * Math.min(1, Math.max(0, (value - low) / (high - low)));
    this.write(name, LEFT - 8, y + 14, { align: "right", most: LEFT - 10 });
    pen.fillStyle = this.color("--edge");
    pen.fillRect(LEFT, y + 4, room, 12);
    pen.fillStyle = this.color("--sky");
    pen.globalAlpha = 0.55;
    pen.fillRect(x(mean - spread), y + 4, Math.max(1, x(mean + spread) - x(mean - spread)), 12);
    pen.globalAlpha = 1;
    pen.fillStyle = this.color("--mint");
    pen.fillRect(x(chosen) - 1.5, y + 1, 3, 18);
    this.write(chosen.toFixed(2), this.width, y + 14, { align: "right" });
  }

  curve(pen, y) {
    const { values } = this;
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = this.width - LEFT - 44;
    const at = (value) => y + 50 - 44 * (high - low > 1e-6 ? (value - low) / (high - low) : 0.5);
    this.write("value", LEFT - 8, y + 32, { align: "right" });
    pen.strokeStyle = this.color("--mint");
    pen.lineWidth = 1.5;
    pen.beginPath();
    values.forEach((value, i) => pen.lineTo(LEFT + (room * i) / (KEPT - 1), at(value)));
    pen.stroke();
    this.write(values.at(-1).toPrecision(3), this.width, y + 32, { align: "right" });
  }

  // A cell for each number: the stronger, the farther from zero.
  state(pen, layers, y, height) {
    const down = height / layers.length;
    const room = this.width - LEFT;
    this.write("memory", LEFT - 8, y + height / 2 + 4, { align: "right" });
    const [above, below] = [this.color("--mint"), this.color("--fault")];
    layers.forEach((numbers, layer) => {
      const across = room / numbers.length;
      numbers.forEach((number, i) => {
        pen.fillStyle = this.color("--edge");
        pen.globalAlpha = 1;
        pen.fillRect(LEFT + i * across, y + layer * down, across - 0.5, down - 1);
        pen.fillStyle = number < 0 ? below : above;
        pen.globalAlpha = Math.min(1, Math.abs(Math.tanh(number)));
        pen.fillRect(LEFT + i * across, y + layer * down, across - 0.5, down - 1);
      });
    });
    pen.globalAlpha = 1;
  }
}

const heightOf = (part) => (part.choices ? barsOf(part).length * LINE + GAP : LINE + 4);

// All choices where they are few; else the likeliest, and the one taken.
function barsOf({ name, choices, labels, likely, chosen }) {
  const all = Array.from(likely, (p, i) => ({ label: labels[i] ?? `${name} ${i}`, likely: p, chosen: i === chosen }));
  if (choices <= LISTED) return all;
  return all.sort((a, b) => b.chosen - a.chosen || b.likely - a.likely).slice(0, LISTED / 2);
}
