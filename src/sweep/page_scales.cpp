#include "src/sweep/page.hpp"

namespace nibble::sweep::page {

// The same rules as plot.hpp and front.hpp, for the axes that a reader chooses.
const char* const kScales = R"js(
"use strict";

// "1.235 G", "350 k", "0.05": `digits` significant ones and an SI prefix.
function short(value, digits) {
  if (value === null) return "–";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e5 && digits > 3) {
    return value.toLocaleString("en-US");
  }
  for (const [factor, prefix] of
       [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (size >= 0.99995 * factor) {
      return Number((value / factor).toPrecision(digits)) + " " + prefix;
    }
  }
  return String(Number(value.toPrecision(digits)));
}

function percent(value, decimals) {
  return Number((100 * value).toFixed(decimals)) + " %";
}

function show(value, metric, digits = 4) {
  if (value === null) return "–";
  return metric.percent ? (100 * value).toFixed(2) + " %" : short(value, digits);
}

function linearScale(lo, hi) {
  if (lo === hi) {
    const margin = lo === 0 ? 1 : Math.abs(lo) / 10;
    lo -= margin;
    hi += margin;
  }
  const raw = (hi - lo) / 6, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].find(d => d * power >= raw) * power;
  const first = Math.floor(lo / step), last = Math.ceil(hi / step);
  const ticks = [];
  for (let i = first; i <= last; ++i) ticks.push(i * step);
  const [a, b] = [first * step, last * step];
  return {ticks, at: v => (v - a) / (b - a)};
}

// Values with 1, 2, 5 times powers of ten between the ends.
function roundMarks(lo, hi) {
  const marks = [];
  const digits = hi / lo > 2e3 ? [1] : [1, 2, 5];
  for (let p = Math.floor(Math.log10(lo)); p <= Math.ceil(Math.log10(hi)); ++p) {
    for (const d of digits) {
      const mark = d * 10 ** p;
      if (mark >= lo && mark <= hi) marks.push(mark);
    }
  }
  return marks;
}

function logScale(lo, hi) {
  const margin = Math.max((hi / lo) ** 0.04, 1.01);
  lo /= margin;
  hi *= margin;
  return {ticks: roundMarks(lo, hi), log: true,
          at: v => Math.log(v / lo) / Math.log(hi / lo)};
}

// By the logarithm of 1 - v, the better above.
function logErrorScale(lo, hi) {
  const margin = Math.max(((1 - lo) / (1 - hi)) ** 0.04, 1.01);
  const most = Math.min((1 - lo) * margin, 1), least = (1 - hi) / margin;
  let errors = roundMarks(least, most);
  if (errors.length < 5) {
    errors = errors.concat([0.3, 0.15, 0.07, 0.03, 0.015, 0.007, 0.003].filter(
        e => e > least && e < most));
  }
  return {ticks: errors.map(e => 1 - e), log: true,
          at: v => Math.log(most / (1 - v)) / Math.log(most / least)};
}

// Members of `points` [{x, y}] that no other one beats; x shrinks, y grows or not.
function findFront(points, grows) {
  const better = (a, b) => grows ? a > b : a < b;
  return points.filter(p => !points.some(
      q => q.x <= p.x && !better(p.y, q.y) && (q.x < p.x || better(q.y, p.y))));
}

// A colour that is as clear on black as `hex` is on white.
function forTheme(hex) {
  if (!matchMedia("(prefers-color-scheme: dark)").matches) return hex;
  const parts = [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16));
  return "rgb(" + parts.map(v => Math.round(v + (255 - v) * 0.38)).join(",") + ")";
}

// Room for names beside points: the nearest free box, or null.
class Labels {
  constructor(area) {
    this.area = area;
    this.blocked = [];
    this.avoided = [];
  }
  static meet(a, b) { return a.l < b.r && b.l < a.r && a.t < b.b && b.t < a.b; }
  // The line to a far name, from outside the marker, as small boxes.
  static lead(x, y, place) {
    return [...Array(16).keys()].map(i => {
      const px = x + i / 16 * (place.x - x), py = y + i / 16 * (place.leadY - y);
      return {l: px - 2, t: py - 2, r: px + 2, b: py + 2};
    }).filter(b => Math.hypot(b.l + 2 - x, b.t + 2 - y) >= 10);
  }
  crossings(x, y, place) {
    const parts = Labels.lead(x, y, place);
    const count = boxes => boxes.filter(
        o => parts.some(part => Labels.meet(o, part))).length;
    return 2 * count(this.blocked) + count(this.avoided);
  }
  place(x, y, width) {
    let best = null, least = Infinity;
    for (const gap of [9, 22, 38, 56, 76, 98]) {
      for (const side of [-1, 1, 0]) {
        for (const level of [-1, 0, 1]) {
          if (level === 0 && (side === 0 || gap > 30)) continue;
          const end = x + side * (level === 0 ? gap : gap * 0.7);
          const l = side < 0 ? end - width : side > 0 ? end : x - width / 2;
          const middle = y + level * (side === 0 ? gap + 8 : gap * 0.9 + 2);
          const box = {l, t: middle - 8, r: l + width, b: middle + 8};
          const a = this.area;
          if (box.l < a.l || box.r > a.r || box.t < a.t || box.b > a.b ||
              this.blocked.some(o => Labels.meet(o, box))) continue;
          const place = {box, far: gap > 12, x: side === 0 ? x : end,
                         leadY: level < 0 ? box.b : level > 0 ? box.t : middle,
                         anchor: side < 0 ? "end" : side > 0 ? "start" : "middle"};
          const cost = gap + (side < 0 && level < 0 ? 0 : 3) + (level > 0 ? 10 : 0) +
              14 * this.avoided.filter(o => Labels.meet(o, box)).length +
              (place.far ? 14 * this.crossings(x, y, place) : 0);
          if (cost >= least) continue;
          least = cost;
          best = place;
        }
      }
    }
    if (best) {
      this.blocked.push(best.box);
      if (best.far) this.avoided.push(...Labels.lead(x, y, best));
    }
    return best;
  }
}
)js";

}  // namespace nibble::sweep::page
