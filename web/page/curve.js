// curve.js - the score over the steps of a training.

export function drawCurve(canvas, points, steps) {
  const ratio = Math.min(2, devicePixelRatio);
  const [width, height] = [canvas.clientWidth || 320, canvas.clientHeight || 150];
  [canvas.width, canvas.height] = [width * ratio, height * ratio];
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  pen.scale(ratio, ratio);
  pen.font = "12px system-ui, sans-serif";
  const [left, right, top, bottom] = [44, 8, 8, 22];
  const scores = points.map((point) => point.score);
  const [low, high] = [Math.min(0, ...scores), Math.max(1e-3, ...scores)];
  const x = (at) => left + ((width - left - right) * Math.min(at, steps)) / steps;
  const y = (score) => height - bottom - ((height - top - bottom) * (score - low)) / (high - low);
  pen.strokeStyle = color("--edge");
  pen.fillStyle = color("--quiet");
  pen.textAlign = "right";
  const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
  for (const at of [low, (low + high) / 2, high]) {
    pen.beginPath();
    pen.moveTo(left, y(at));
    pen.lineTo(width - right, y(at));
    pen.stroke();
    if (points.length) pen.fillText(compact.format(at), left - 6, y(at) + 4);
  }
  pen.textAlign = "left";
  pen.fillText("score", left, height - 6);
  pen.textAlign = "right";
  pen.fillText(`${compact.format(steps)} steps`, width - right, height - 6);
  if (!points.length) return;
  pen.beginPath();
  for (const point of points) pen.lineTo(x(point.steps), y(point.score));
  pen.strokeStyle = color("--mint");
  pen.lineWidth = 2;
  pen.lineJoin = "round";
  pen.stroke();
  const last = points.at(-1);
  pen.fillStyle = color("--mint");
  pen.beginPath();
  pen.arc(x(last.steps), y(last.score), 3.5, 0, 7);
  pen.fill();
}
