#include "src/sweep/page.hpp"

namespace nibble::sweep::page {

const char* const kScript = R"js(
// ---- table
const variation = {};
function varies(name) {
  return variation[name] ??= name === data.accuracy || name === data.cost ||
      new Set(data.rows.filter(r => !r.error).map(r => r.metrics[name])).size > 1;
}
function columns() {
  return data.metrics.filter(m => varies(m.name)).map(m => (
      {key: m.name, label: m.label, unit: m.unit, value: r => r.metrics[m.name],
       text: r => show(r.metrics[m.name], m)}));
}
function drawHead() {
  const cell = (key, label, unit) => {
    const mark = state.sort === key ? (state.up ? " ▲" : " ▼") : "";
    const button = el("button", {type: "button"}, label + mark);
    button.addEventListener("click", () => {
      state.up = state.sort === key ? !state.up
          : key === "label" || !(metricOf[key] && metricOf[key].grows);
      state.sort = key;
      draw();
    });
    const th = el("th", {scope: "col", "aria-sort":
        state.sort !== key ? "none" : state.up ? "ascending" : "descending"}, button);
    if (unit) th.append(el("span", {class: "unit"}, unit));
    return th;
  };
  $("head").replaceChildren(el("tr", {}, cell("label", "Point"),
      ...columns().map(c => cell(c.key, c.label, c.unit))));
}
function drawRows(palette, rows, front) {
  const column = columns().find(c => c.key === state.sort);
  const value = r => column ? column.value(r) : r.label;
  const sorted = [...rows].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return (x === null) - (y === null);
    const order = typeof x === "string" ? x.localeCompare(y, "en", {numeric: true})
                                        : x - y;
    return state.up ? order : -order;
  });
  const members = new Set(front);
  $("rows").replaceChildren(...sorted.map(r => {
    const dot = el("span", {class: "dot"});
    dot.style.borderColor = palette.get(groupOf(r));
    if (!r.hollow) dot.style.background = palette.get(groupOf(r));
    const tr = el("tr", {class: members.has(r) ? "" : "dominated",
                         "data-i": data.rows.indexOf(r)},
                  el("td", {}, dot, r.label));
    for (const c of columns()) {
      tr.append(el("td", {title: c.value(r) ?? "no number"}, c.text(r)));
    }
    return tr;
  }));
}

// ---- everything
function drawLegend(palette) {
  $("legend").replaceChildren(...[...palette].map(([name, color]) => {
    const dot = el("span", {class: "dot"});
    dot.style.borderColor = dot.style.background = color;
    const button = el("button", {type: "button",
        "aria-pressed": String(!state.hidden.has(name)),
        title: "click to hide or show"}, dot, name);
    button.addEventListener("click", () => {
      if (!state.hidden.delete(name)) state.hidden.add(name);
      draw();
    });
    return button;
  }));
  const key = (color, fill, text) => {
    const dot = el("span", {class: "dot"});
    dot.style.borderColor = color;
    dot.style.background = fill;
    $("legend").append(el("span", {class: "soft small"}, dot, text));
  };
  if (data.rows.some(r => r.hollow)) key("var(--soft)", "none", "weights only");
  key("var(--dominated)", "var(--dominated)", "dominated");
}
function drawSummary(rows, front) {
  const cost = metricOf[state.cost], accuracy = metricOf[state.accuracy];
  let text = `${front.length} of ${rows.length} shown points are on the front.`;
  const volume = data.fronts[state.cost];
  if (volume && state.accuracy === data.accuracy) {
    text += ` Hypervolume of all ${data.rows.length} points: ` +
        `${short(volume.hypervolume, 4)}, against the reference point ` +
        `${cost.label.toLowerCase()} ${short(volume.cost, 4)}, ` +
        `${accuracy.label.toLowerCase()} ${show(volume.accuracy, accuracy)}.`;
  }
  $("summary").textContent = text;
}
function draw() {
  const palette = colors(), rows = shownRows();
  drawLegend(palette);
  const front = drawChart(palette, rows);
  drawHead();
  drawRows(palette, rows, front);
  drawSummary(rows, front);
}
function drawFixed() {
  document.title = $("title").textContent = data.title;
  const done = data.rows.filter(r => !r.error);
  $("subtitle").textContent = [`${done.length} points`,
      ...Object.entries(data.settings).map(([k, v]) => k + " " + v),
      ...data.axes.filter(a => !data.varying.includes(a) && data.rows[0]?.axes[a])
          .map(a => a + " " + data.rows[0].axes[a])].join(" · ");
  const same = data.metrics.filter(m => !varies(m.name) && done.length &&
                                   done[0].metrics[m.name] !== null);
  if (same.length) {
    $("equal").textContent = "Equal for all points: " + same.map(
        m => `${m.label} ${show(done[0].metrics[m.name], m)}`).join(", ") + ".";
  }
  const failed = data.rows.filter(r => r.error);
  if (failed.length) {
    $("failures").append(el("h2", {}, "Failed points"), el("ul", {},
        ...failed.map(r => el("li", {}, r.label + ": " + r.error))));
  }
  const each = f => [...new Set(data.rows.map(f))].join("; ");
  const seconds = data.rows.reduce((sum, r) => sum + (r.seconds ?? 0), 0);
  const times = data.rows.map(r => r.started).sort();
  const origin = [["Made again by", el("code", {}, data.command)],
      ["Commit", each(r => r.commit)], ["Machine", each(r => r.machine)],
      ["Time", `${seconds.toFixed(1)} s for all points, begun ` +
               `${times[0]} to ${times[times.length - 1]}`]];
  for (const [k, v] of origin) $("origin").append(el("dt", {}, k), el("dd", {}, v));
}
function addControls() {
  const fill = (id, options, chosen) => $(id).append(...options.map(([v, text]) => {
    const option = el("option", {value: v}, text);
    option.selected = v === chosen;
    return option;
  }));
  fill("cost", [...new Set([...data.costs, ...data.metrics.map(m => m.name)])]
      .filter(c => metricOf[c] && (varies(c) || c === data.cost) && c !== data.accuracy)
      .map(c => [c, labelOf(metricOf[c])]), state.cost);
  fill("accuracy", data.metrics.filter(m => varies(m.name))
      .map(m => [m.name, m.label]), state.accuracy);
  fill("color", [["", "format family"], ...data.varying.map(a => [a, a])], "");
  for (const id of ["cost", "accuracy", "color"]) {
    $(id).addEventListener("change", () => {
      state[id] = $(id).value;
      state.logx = state.logy = null;
      if (id === "color") state.hidden.clear();
      draw();
    });
  }
  for (const id of ["logx", "logy"]) {
    $(id).addEventListener("change", () => { state[id] = $(id).checked; draw(); });
  }
  $("filter").addEventListener("input", () => { state.filter = $("filter").value; draw(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let pending = 0;
  addEventListener("resize", () => {
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(draw);
  });
}
drawFixed();
addControls();
draw();
)js";

}  // namespace nibble::sweep::page
