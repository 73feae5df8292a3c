#include "src/sweep/page.hpp"

namespace nibble::sweep::page {

// Data reaches the page as text nodes and attributes only, never as markup.
const char* const kChart = R"js(
const data = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const metricOf = Object.fromEntries(data.metrics.map(m => [m.name, m]));
const state = {cost: data.cost, accuracy: data.accuracy, color: "", filter: "",
               hidden: new Set(), sort: data.accuracy, up: false, chosen: null,
               logx: null, logy: null};  // null: as the data suggest
let drawn = [];  // the points in the chart, with pixel positions

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes)) node.setAttribute(k, v);
  node.append(...children);
  return node;
}
function svg(tag, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [k, v] of Object.entries(attributes)) node.setAttribute(k, v);
  if (text !== undefined) node.textContent = text;
  return node;
}
function labelOf(metric) {
  return metric.label + (metric.unit ? " (" + metric.unit + ")" : "");
}

// ---- which rows, and in which colours
const groupOf = row => state.color ? row.axes[state.color] || "(none)" : row.group;
function colors() {
  const used = [...new Set(data.rows.map(groupOf))];
  const fixed = Object.fromEntries(data.groups.map(g => [g.name, g.color]));
  if (!state.color) {
    const order = data.groups.map(g => g.name);
    used.sort((a, b) => order.indexOf(a) - order.indexOf(b));
  }
  const palette = data.groups.map(g => g.color).slice(1);
  return new Map(used.map((name, i) => [name,
      !state.color && fixed[name] ? forTheme(fixed[name])
      : i < palette.length ? forTheme(palette[i])
      : `hsl(${Math.round(i * 137.5) % 360} 60% 50%)`]));
}
// Every word must occur, none after "!"; words are separated by spaces or commas.
function matches(row) {
  const text = (row.label + " " + row.group + " " +
                Object.values(row.axes).join(" ")).toLowerCase();
  return state.filter.toLowerCase().split(/[\s,]+/).filter(w => w && w !== "!").every(
      w => w[0] === "!" ? !text.includes(w.slice(1)) : text.includes(w));
}
const shownRows = () => data.rows.filter(
    r => matches(r) && !state.hidden.has(groupOf(r)));

// ---- chart
function scaleFor(values, log, make) {
  const lo = Math.min(...values), hi = Math.max(...values);
  return log ? make(lo, hi) : linearScale(lo, hi);
}
// Best and worst y; the worst tenth is left out where it squeezes the others.
function rangeOfY(points, front, metric, base) {
  const sign = metric.grows ? 1 : -1;
  const goodness = points.map(p => sign * p.y).sort((a, b) => a - b);
  const must = front.map(p => sign * p.y).concat(base === null ? [] : sign * base);
  const best = Math.max(goodness[goodness.length - 1], ...must);
  let kept = Math.min(goodness[Math.floor(goodness.length / 10)], ...must);
  const span = worst => metric.percent && metric.grows && best < 1
      ? Math.log((1 - worst) / (1 - best)) : best - worst;
  if (goodness[0] < kept && span(kept) > 0.75 * span(goodness[0])) kept = goodness[0];
  return metric.grows ? [kept, best] : [-best, -kept];
}
function pickScales(points, front, metric, base) {
  const xs = points.map(p => p.x);
  const canX = Math.min(...xs) > 0;
  let [lo, hi] = rangeOfY(points, front, metric, base);
  const canY = metric.percent && metric.grows && lo >= 0 && hi < 1;
  const logx = canX && (state.logx ?? Math.max(...xs) > 10 * Math.min(...xs));
  const logy = canY && (state.logy ?? 1 - lo > 2.5 * (1 - hi));
  $("logx").checked = logx;
  $("logx").disabled = !canX;
  $("logy").checked = logy;
  $("logy").disabled = !canY;
  const room = 0.26;  // for names on the good side of the front
  const share = metric.percent && hi <= 1;
  if (logy) hi = 1 - (1 - hi) * ((1 - hi) / (1 - lo)) ** room;
  else if (metric.grows) hi = Math.min(hi + room * (hi - lo), share ? 1 : Infinity);
  else lo -= room * (hi - lo);
  const x = scaleFor(canX && !logx ? xs.concat(0) : xs, logx, logScale);
  return {x, y: scaleFor([lo, hi], logy, logErrorScale)};
}
function drawChart(palette, rows) {
  const chart = $("chart");
  chart.querySelectorAll("svg").forEach(s => s.remove());
  const width = Math.max(chart.clientWidth, 360);
  const height = Math.round(Math.min(Math.max(width * 0.5, 360), 580));
  const area = {l: 74, t: 40, r: width - 22, b: height - 56};
  const root = svg("svg", {viewBox: `0 0 ${width} ${height}`, role: "img"});
  chart.prepend(root);
  const cost = metricOf[state.cost], accuracy = metricOf[state.accuracy];
  const points = rows.map(row => ({row, x: row.metrics[cost.name],
                                   y: row.metrics[accuracy.name]}))
      .filter(p => p.x !== null && p.y !== null);
  drawn = [];
  if (points.length === 0) {
    root.append(svg("text", {x: width / 2, y: height / 2, class: "axis",
                             "text-anchor": "middle"}, "no point to show"));
    return [];
  }
  const baseRow = data.rows.find(r => r.baseline && r.metrics[accuracy.name] !== null);
  const base = baseRow ? baseRow.metrics[accuracy.name] : null;
  const front = findFront(points, accuracy.grows).sort((a, b) => a.x - b.x);
  const scale = pickScales(points, front, accuracy, base);
  const X = v => area.l + (area.r - area.l) * scale.x.at(v);
  // Points beyond the axis lie on its edge, as triangles.
  const [low, high] = accuracy.grows ? [0.012, 2] : [-1, 0.988];
  const onAxis = v => area.b - (area.b - area.t) * scale.y.at(v);
  const Y = v => area.b - (area.b - area.t) *
      Math.min(Math.max(scale.y.at(v), low), high);
  const beyond = v => accuracy.grows ? scale.y.at(v) < 0 : scale.y.at(v) > 1;
  drawAxes(root, area, scale, X, onAxis, cost, accuracy, width, height);
  const labels = new Labels(area);
  if (base !== null) drawBase(root, area, Y(base), show(base, accuracy), labels);
  drawFront(root, area, front, X, Y, accuracy.grows, labels);
  const members = new Set(front);
  for (const p of points.filter(q => !members.has(q)).concat(front)) {
    const color = palette.get(groupOf(p.row));
    if (beyond(p.y)) drawTriangle(root, X(p.x), Y(p.y), accuracy.grows, color);
    else drawMarker(root, X(p.x), Y(p.y), p.row, members.has(p), color, labels);
  }
  const outside = points.filter(p => beyond(p.y)).length;
  if (outside) {
    root.append(svg("text", {x: area.r - 6, y: accuracy.grows ? area.b - 9 : area.t + 16,
        class: "tick", "text-anchor": "end"}, `triangles: ${outside} worse than shown`));
  }
  drawNames(root, front, X, Y, labels);
  drawn = points.map(p => ({row: p.row, x: X(p.x), y: Y(p.y),
                            front: members.has(p)}));
  const ring = svg("circle", {r: 10, class: "ring", visibility: "hidden"});
  root.append(ring);
  root.addEventListener("mousemove", e => hover(e, root, ring, width));
  root.addEventListener("mouseleave", () => hover(null, root, ring, width));
  root.addEventListener("click", () => $("rows").querySelector(".chosen")
      ?.scrollIntoView({block: "center", behavior: "smooth"}));
  return front.map(p => p.row);
}
function drawAxes(root, area, scale, X, Y, cost, accuracy, width, height) {
  const line = (x1, y1, x2, y2, css) =>
      root.append(svg("line", {x1, y1, x2, y2, class: css}));
  for (const t of scale.y.ticks) {
    line(area.l, Y(t), area.r, Y(t), "grid");
    root.append(svg("text", {x: area.l - 9, y: Y(t) + 4, class: "tick",
        "text-anchor": "end"}, accuracy.percent ? percent(t, 2) : short(t, 3)));
  }
  for (const t of scale.x.ticks) {
    line(X(t), area.t, X(t), area.b, "grid");
    root.append(svg("text", {x: X(t), y: area.b + 18, class: "tick",
        "text-anchor": "middle"}, cost.percent ? percent(t, 2) : short(t, 3)));
  }
  line(area.l, area.b, area.r, area.b, "frame");
  line(area.l, area.t, area.l, area.b, "frame");
  root.append(
      svg("text", {x: (area.l + area.r) / 2, y: height - 12, class: "axis",
                   "text-anchor": "middle"}, labelOf(cost)),
      svg("text", {x: 12, y: 24, class: "axis"}, labelOf(accuracy)));
}
function drawBase(root, area, y, text, labels) {
  root.append(svg("line", {x1: area.l, y1: y, x2: area.r, y2: y, class: "base"}));
  const line = {l: area.l, t: y - 1, r: area.r, b: y + 1};
  labels.avoided.push(line, line);
  const at = y - 22 > area.t ? y - 7 : y + 17;
  root.append(svg("text", {x: area.l + 8, y: at, class: "name"}, "float: " + text));
  labels.blocked.push({l: area.l, t: at - 12, r: area.l + 110, b: at + 4});
}
function drawFront(root, area, front, X, Y, grows, labels) {
  const floor = grows ? area.b : area.t;
  let x = X(front[0].x), y = floor, path = `M${x} ${y}`;
  for (const p of front) {
    const [nx, ny] = [X(p.x), Y(p.y)];
    path += `H${nx}V${ny}`;
    const flat = {l: x, t: y - 1, r: nx, b: y + 1};
    const steep = {l: nx - 1, t: Math.min(y, ny), r: nx + 1, b: Math.max(y, ny)};
    labels.avoided.push(flat, flat, flat, steep, steep, steep);  // thrice as bad
    [x, y] = [nx, ny];
  }
  path += `H${area.r}`;
  const tail = {l: x, t: y - 1, r: area.r, b: y + 1};
  labels.avoided.push(tail, tail, tail);
  root.append(svg("path", {d: path + `V${floor}Z`, class: "under"}),
              svg("path", {d: path, class: "front"}));
}
function drawTriangle(root, x, y, down, color) {
  const tip = down ? 4 : -4;
  root.append(svg("path", {fill: color, opacity: 0.55,
      d: `M${x - 4.5} ${y - tip}H${x + 4.5}L${x} ${y + tip}Z`}));
}
function drawMarker(root, x, y, row, front, color, labels) {
  const box = r => ({l: x - r, t: y - r, r: x + r, b: y + r});
  if (front) root.append(svg("circle", {cx: x, cy: y, r: 8, class: "halo"}));
  root.append(svg("circle", {cx: x, cy: y, r: front ? 5.2 : 3.6, stroke: color,
      "stroke-width": front ? 2.2 : 1.6, opacity: front ? 1 : 0.4,
      fill: row.hollow ? "var(--back)" : color}));
  (front ? labels.blocked : labels.avoided).push(box(front ? 7 : 4));
}
function drawNames(root, front, X, Y, labels) {
  let last = "";
  for (const p of front) {
    const [x, y] = [X(p.x), Y(p.y)], here = x + " " + y;
    if (here === last) continue;  // an equal point: one name is enough
    last = here;
    const place = labels.place(x, y, 6.8 * [...p.row.label].length);
    if (!place) continue;
    if (place.far) {
      root.insertBefore(svg("line", {x1: x, y1: y, x2: place.x,
          y2: place.leadY, class: "lead"}), root.querySelector(".halo"));
    }
    root.append(svg("text", {x: place.x, y: place.box.b - 4, class: "name",
                             "text-anchor": place.anchor}, p.row.label));
  }
}

// ---- hover
function hover(event, root, ring, width) {
  const tip = $("tip");
  let best = null;
  if (event) {
    const frame = root.getBoundingClientRect(), zoom = width / frame.width;
    const x = (event.clientX - frame.left) * zoom;
    const y = (event.clientY - frame.top) * zoom;
    let least = 26 * 26;
    for (const p of drawn) {
      const d = (p.x - x) ** 2 + (p.y - y) ** 2 - (p.front ? 20 : 0);
      if (d < least) [best, least] = [p, d];
    }
  }
  choose(best ? best.row : null);
  ring.setAttribute("visibility", best ? "visible" : "hidden");
  tip.style.display = best ? "block" : "none";
  if (!best) return;
  ring.setAttribute("cx", best.x);
  ring.setAttribute("cy", best.y);
  fillTip(tip, best);
  const scale = root.getBoundingClientRect().width / width;
  const left = best.x * scale, flip = left > root.clientWidth - tip.offsetWidth - 30;
  tip.style.left = (flip ? left - tip.offsetWidth - 16 : left + 16) + "px";
  tip.style.top = Math.max(0, best.y * scale - tip.offsetHeight / 2) + "px";
}
function fillTip(tip, point) {
  const table = el("table");
  const line = (name, value) =>
      table.append(el("tr", {}, el("td", {}, name), el("td", {}, value)));
  for (const axis of data.varying) {
    line(axis, point.row.axes[axis] || "–");
  }
  for (const metric of data.metrics.filter(m => varies(m.name))) {
    line(metric.label, show(point.row.metrics[metric.name], metric) +
         (metric.unit && !metric.unit.includes(" ") ? " " + metric.unit : ""));
  }
  tip.replaceChildren(el("strong", {}, point.row.label),
      el("div", {class: "soft"}, point.row.group +
         (point.front ? ", on the front" : ", dominated")), table);
}
function choose(row) {
  if (state.chosen === row) return;
  state.chosen = row;
  for (const tr of $("rows").children) {
    tr.classList.toggle("chosen", row !== null && data.rows[tr.dataset.i] === row);
  }
}
)js";

}  // namespace nibble::sweep::page
