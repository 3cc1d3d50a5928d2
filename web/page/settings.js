// settings.js - a slider, switch or list for every setting in a module's table.

/** Fill a box; `changed(values)` is called with all values by name after each change. */
export function makeSettings(box, params, initial, changed) {
  const start = Object.fromEntries(params.map((p) => [p.name, initial[p.name] ?? p.value]));
  let values = { ...start };
  const setters = {};
  const change = (name, value) => {
    values = { ...values, [name]: value };
    changed(values);
  };
  for (const param of params) box.append(makeRow(param, values[param.name], change, setters));
  return {
    values: () => values,
    /** Show these, and call nobody. */
    show(given) {
      values = { ...values, ...given };
      for (const [name, value] of Object.entries(values)) setters[name](value);
    },
    reset() {
      values = { ...start };
      for (const [name, value] of Object.entries(values)) setters[name](value);
      changed(values);
    },
  };
}

function makeRow(param, value, change, setters) {
  const row = document.createElement("label");
  const title = document.createElement("span");
  title.textContent = param.name.replaceAll("_", " ");
  row.append(title);
  const make = { bool: makeSwitch, named: makeList }[param.type] ?? makeNumber;
  const [parts, set] = make(param, (to) => change(param.name, to));
  row.append(...parts, Object.assign(document.createElement("small"), { textContent: param.doc }));
  setters[param.name] = set;
  set(value);
  return row;
}

function makeSwitch(param, change) {
  const input = Object.assign(document.createElement("input"), { type: "checkbox" });
  input.onchange = () => change(Number(input.checked));
  return [[input], (value) => (input.checked = value !== 0)];
}

function makeList(param, change) {
  const list = document.createElement("select");
  list.append(...param.choices.map((choice, i) => new Option(choice, i)));
  list.onchange = () => change(Number(list.value));
  return [[list], (value) => (list.value = value)];
}

// Wide ranges slide by their roots, so that small values can be chosen.
function makeNumber(param, change) {
  const { low, high, type } = param;
  const whole = type === "int";
  const bend = high - low > 1000 ? 3 : 1;
  const number = Object.assign(document.createElement("input"), { type: "number", min: low, max: high, step: whole ? 1 : "any" });
  const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 1, step: 0.001 });
  slider.setAttribute("aria-label", param.name);
  const fit = (x) => {
    const inside = Math.min(high, Math.max(low, Number.isFinite(x) ? x : param.value));
    return whole ? Math.round(inside) : Number(inside.toPrecision(6));
  };
  const set = (x) => {
    number.value = x;
    slider.value = high > low ? ((x - low) / (high - low)) ** (1 / bend) : 0;
  };
  slider.oninput = () => (number.value = fit(low + (high - low) * Number(slider.value) ** bend));
  slider.onchange = () => change(fit(Number(number.value)));
  number.onchange = () => {
    const x = fit(Number(number.value));
    set(x);
    change(x);
  };
  return [[number, slider], set];
}
