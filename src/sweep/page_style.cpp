#include "src/sweep/page.hpp"

namespace nibble::sweep::page {

// The policy forbids every connection: the page can only show itself.
const char* const kHead = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
)html";

const char* const kStyle = R"css(
:root {
  --back: #ffffff; --card: #f6f8fa; --ink: #1f2328; --soft: #59636e;
  --line: #d1d9e0; --grid: #e6eaee; --dominated: #b4bac2; --mark: #fff4ce;
  --link: #0969da;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #0d1117; --card: #161b22; --ink: #e6edf3; --soft: #9198a1;
    --line: #3d444d; --grid: #21262d; --dominated: #575f69; --mark: #3a3000;
    --link: #4493f8;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 24px 28px 48px; max-width: 1320px;
  background: var(--back); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif;
}
h1 { font-size: 24px; margin: 0 0 2px; }
h2 { font-size: 17px; margin: 30px 0 8px; }
.soft { color: var(--soft); }
.small { font-size: 13.5px; }
.controls { display: flex; flex-wrap: wrap; gap: 10px 18px; margin: 18px 0 10px; align-items: end; }
.controls label { display: flex; flex-direction: column; gap: 3px; font-size: 12.5px; color: var(--soft); }
.controls label.check { flex-direction: row; align-items: center; gap: 6px; padding-bottom: 7px; font-size: 13.5px; }
select, input[type=search] {
  font: inherit; font-size: 14px; color: var(--ink); background: var(--back);
  border: 1px solid var(--line); border-radius: 6px; padding: 4px 8px; height: 34px; max-width: 240px;
}
input[type=search] { width: 215px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 14px; }
#chart { position: relative; }
#chart svg { display: block; width: 100%; background: var(--back); border-radius: 6px; }
#legend { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 0 2px 10px; }
#legend button {
  all: unset; cursor: pointer; display: inline-flex; align-items: center; gap: 6px; font-size: 13.5px;
}
#legend > span { display: inline-flex; align-items: center; gap: 6px; }
#legend button[aria-pressed=false] { opacity: 0.35; text-decoration: line-through; }
#legend button:focus-visible, th button:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.dot { width: 11px; height: 11px; border-radius: 50%; border: 2.5px solid; display: inline-block; flex: none; }
svg text { fill: var(--ink); font-family: inherit; }
svg .tick { font-size: 12px; fill: var(--soft); }
svg .axis { font-size: 13.5px; }
svg .name { font-size: 12px; paint-order: stroke; stroke: var(--back); stroke-width: 4px; stroke-linejoin: round; }
svg .grid { stroke: var(--grid); }
svg .frame { stroke: var(--soft); }
svg .lead { stroke: var(--soft); stroke-width: 0.8; }
svg .base { stroke: var(--soft); stroke-width: 1.3; stroke-dasharray: 6 4; }
svg .front { fill: none; stroke: var(--ink); stroke-width: 1.8; stroke-linejoin: round; }
svg .under { fill: var(--ink); fill-opacity: 0.035; }
svg .halo { fill: var(--back); }
svg .ring { fill: none; stroke: var(--ink); stroke-width: 1.6; }
#tip {
  position: absolute; pointer-events: none; display: none; z-index: 2; min-width: 190px; max-width: 340px;
  background: var(--back); border: 1px solid var(--line); border-radius: 6px; padding: 8px 11px;
  box-shadow: 0 4px 14px rgba(0, 0, 0, 0.18); font-size: 13px; line-height: 1.45;
}
#tip table { border-collapse: collapse; width: 100%; }
#tip td { padding: 0 0 0 12px; text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
#tip td:first-child { padding: 0; text-align: left; color: var(--soft); white-space: normal; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; }
table.points { border-collapse: collapse; width: 100%; font-size: 13.5px; }
.points th, .points td { padding: 5px 12px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--grid); font-variant-numeric: tabular-nums; }
.points th { background: var(--card); font-weight: 600; border-bottom: 1px solid var(--line); vertical-align: bottom; white-space: normal; line-height: 1.3; min-width: 96px; }
.points th:first-child, .points td:first-child { text-align: left; }
.points tr:last-child td { border-bottom: 0; }
.points tr.dominated td { color: var(--soft); }
.points tr.chosen td { background: var(--mark); }
th button { all: unset; cursor: pointer; }
th .unit { font-weight: 400; color: var(--soft); display: block; font-size: 12px; }
.points .dot { margin-right: 8px; vertical-align: -1px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 0; font-size: 14px; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: 13px ui-monospace, "DejaVu Sans Mono", monospace; }
@media print { .controls { display: none; } body { max-width: none; } }
)css";

const char* const kBody = R"html(<h1 id="title"></h1>
<div class="soft small" id="subtitle"></div>
<div class="controls">
<label>Cost<select id="cost"></select></label>
<label>Against<select id="accuracy"></select></label>
<label>Colour by<select id="color"></select></label>
<label>Show only<input type="search" id="filter" placeholder="int4 channel, mxfp, !token" autocomplete="off"></label>
<label class="check"><input type="checkbox" id="logx">cost on a log scale</label>
<label class="check"><input type="checkbox" id="logy">error on a log scale</label>
</div>
<div class="card">
<div id="legend"></div>
<div id="chart"><div id="tip" role="status"></div></div>
</div>
<p class="soft small" id="summary"></p>
<h2>Points</h2>
<div class="scroll"><table class="points"><thead id="head"></thead><tbody id="rows"></tbody></table></div>
<p class="soft small" id="equal"></p>
<div id="failures"></div>
<h2>Origin</h2>
<dl id="origin"></dl>
)html";

}  // namespace nibble::sweep::page
