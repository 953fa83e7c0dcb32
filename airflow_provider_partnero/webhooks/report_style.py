"""The look of the HTML report: quiet paper and ink, one accent, colour only where something is wrong."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #f6f4ef; --sheet: #fffdf9; --line: #e2ddd2; --ink: #22262a; --soft: #5d6268;
  --accent: #0d655c; --error: #ab2a1f; --error-wash: #fbeae6; --warning: #80560a; --warning-wash: #faf0da;
  --good: #0d655c; --good-wash: #e0f0ec; --dot: #0d655c; --ring: #8a8f94; --hover: #f1f5f1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --sheet: #1b1f23; --line: #31373d; --ink: #ebe8e2; --soft: #a4abb2;
    --accent: #6fcabc; --error: #ff9a8d; --error-wash: #3a201d; --warning: #edbd66; --warning-wash: #33290f;
    --good: #6fcabc; --good-wash: #14302c; --dot: #6fcabc; --ring: #7d858d; --hover: #222a2d;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  overflow-wrap: anywhere;
}
main { max-width: 68rem; margin: 0 auto; padding: clamp(1.25rem, 4vw, 3.5rem) clamp(1rem, 4vw, 2.5rem); }
h1, h2, .verdict {
  font-family: "Iowan Old Style", Charter, "Bitstream Charter", "Source Serif 4", Georgia, serif;
  font-weight: 600; line-height: 1.2; letter-spacing: -0.01em; text-wrap: balance;
}
h1 { font-size: 1.15rem; margin: 0; }
h2 { font-size: 1.5rem; margin: 3.25rem 0 1rem; }
h3 { font-size: 1rem; margin: 0; font-weight: 650; }
p { margin: 0; }
code { font: 0.86em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; color: var(--soft); }
.soft { color: var(--soft); }
.masthead {
  display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; justify-content: space-between; align-items: baseline;
  padding-bottom: 0.9rem; border-bottom: 1px solid var(--line); font-size: 0.92rem;
}
.verdict { font-size: clamp(2rem, 6.5vw, 3.5rem); margin: clamp(1.75rem, 5vw, 3.25rem) 0 0.6rem; }
.verdict .error { color: var(--error); }
.verdict .warning { color: var(--warning); }
.verdict .good { color: var(--good); }
.bar { display: block; width: 100%; height: 0.6rem; border-radius: 0.3rem; margin: 1.75rem 0 0.8rem; }
.bar .error, .key .error { fill: var(--error); }
.bar .warning, .key .warning { fill: var(--warning); }
.bar .good, .key .good { fill: var(--good); }
.key {
  display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; margin: 0; padding: 0; list-style: none;
  font-size: 0.92rem;
}
.key svg { width: 0.7rem; height: 0.7rem; margin-right: 0.45rem; }
.key b, .num { font-variant-numeric: tabular-nums; }
.index { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 0 0 1.25rem; padding: 0; list-style: none; }
.index a {
  display: inline-flex; gap: 0.5rem; align-items: center; min-height: 2.25rem; padding: 0.2rem 0.85rem;
  border: 1px solid var(--line); border-radius: 2rem; background: var(--sheet); color: var(--ink);
  font-size: 0.88rem; text-decoration: none;
}
.index a:hover { border-color: currentColor; }
.index b { font-variant-numeric: tabular-nums; }
.index .error b { color: var(--error); }
.index .warning b { color: var(--warning); }
a:focus-visible, summary:focus-visible, .scroll:focus-visible {
  outline: 2px solid var(--accent); outline-offset: 2px;
}
.rule {
  background: var(--sheet); border: 1px solid var(--line); border-radius: 0.9rem; margin: 0 0 1rem; overflow: hidden;
}
.rule > header {
  display: grid; grid-template-columns: 1fr auto; gap: 0.15rem 1rem; align-items: baseline;
  padding: 0.95rem 1.25rem; border-bottom: 1px solid var(--line);
}
.rule.error > header { background: var(--error-wash); }
.rule.warning > header { background: var(--warning-wash); }
.rule > header p { grid-column: 1 / -1; font-size: 0.94rem; }
.mark { font-size: 0.76rem; font-weight: 700; letter-spacing: 0.07em; text-transform: uppercase; margin-right: 0.5rem; }
.rule.error .mark { color: var(--error); }
.rule.warning .mark { color: var(--warning); }
.rule > header code { color: inherit; }
.findings { margin: 0; padding: 0; list-style: none; }
.findings li {
  display: grid; grid-template-columns: minmax(0, 15rem) minmax(0, 1fr); gap: 0.1rem 1.5rem;
  padding: 0.7rem 1.25rem;
}
.findings li + li, .findings + details, .findings + .note { border-top: 1px solid var(--line); }
.findings .who { font-weight: 600; }
.findings .who code { display: block; font-weight: 400; }
.findings .wide { grid-column: 1 / -1; }
.note, summary { padding: 0.7rem 1.25rem; font-size: 0.92rem; color: var(--soft); }
summary { cursor: pointer; color: var(--accent); font-weight: 600; }
details[open] > summary { border-bottom: 1px solid var(--line); }
.raw {
  white-space: nowrap;
  font: 0.78em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; border: 1px dashed var(--ring);
  border-radius: 0.25rem; padding: 0 0.2em;
}
.lead { color: var(--soft); margin: -0.6rem 0 1.25rem; }
.events { columns: 19rem; column-gap: 2.5rem; margin: 0; padding: 0; list-style: none; }
.events > li { break-inside: avoid; margin-bottom: 1.25rem; }
.events h3 { padding-bottom: 0.3rem; border-bottom: 1px solid var(--line); }
.events ul { margin: 0; padding: 0; list-style: none; }
.events li li {
  display: grid; grid-template-columns: minmax(0, 1fr) 4.5rem 6.2rem; gap: 0.6rem; align-items: center;
  padding: 0.22rem 0; font-size: 0.94rem;
}
.events svg { width: 100%; height: 0.4rem; border-radius: 0.2rem; fill: var(--dot); background: var(--line); }
.events .num { text-align: right; white-space: nowrap; }
.events .nobody { color: var(--soft); }
.events p { padding: 0.22rem 0; font-size: 0.94rem; }
.scroll {
  max-height: min(80vh, 46rem); overflow: auto; background: var(--sheet); border: 1px solid var(--line);
  border-radius: 0.9rem; overscroll-behavior-x: contain;
}
table { border-collapse: separate; border-spacing: 0; min-width: 100%; font-size: 0.9rem; }
th { font-weight: 600; text-align: left; }
thead th, tbody th { background: var(--sheet); }
thead tr:first-child th {
  position: sticky; top: 0; z-index: 2; height: 2.2rem; padding: 0.4rem 0.5rem 0; white-space: nowrap;
}
thead tr:last-child th {
  position: sticky; top: 2.2rem; z-index: 2; padding: 0.3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: bottom; font-weight: 500;
}
thead th.corner {
  left: 0; z-index: 4; padding-left: 1.25rem; vertical-align: bottom;
  border-bottom: 1px solid var(--line); border-right: 1px solid var(--line);
}
thead tr:first-child th.corner { padding: 0 0.75rem 0.5rem 1.25rem; }
.turned {
  display: inline-block; writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap;
  max-height: 10rem; overflow: hidden; text-overflow: ellipsis;
}
thead tr:last-child th, tbody td { text-align: center; min-width: 2.1rem; }
tbody th {
  position: sticky; left: 0; z-index: 1; min-width: 13rem; width: 15rem; max-width: 38vw;
  padding: 0.45rem 0.75rem 0.45rem 1.25rem; border-right: 1px solid var(--line); font-weight: 500;
}
tbody th code { display: block; }
tbody th.error { box-shadow: inset 0.25rem 0 var(--error); }
tbody th.warning { box-shadow: inset 0.25rem 0 var(--warning); }
tbody tr:not(.total):hover > * { background: var(--hover); }
.name {
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; line-height: 1.35;
}
tbody td { padding: 0.3rem 0.1rem; }
tbody tr + tr > * { border-top: 1px solid var(--line); }
.first { border-left: 1px solid var(--line); }
th.corner + .first, tbody th + .first, thead tr:last-child th:first-child { border-left: 0; }
.total > * { font-weight: 650; font-variant-numeric: tabular-nums; }
.total > td { font-size: 0.82rem; }
.total .none { color: var(--warning); background: var(--warning-wash); }
.dot {
  display: inline-block; width: 0.72rem; height: 0.72rem; border-radius: 50%; vertical-align: middle;
  background: var(--dot);
}
.ring { background: none; border: 2px solid var(--ring); }
.legend {
  display: flex; flex-wrap: wrap; gap: 0.3rem 1.5rem; margin: 0.8rem 0; font-size: 0.92rem;
  color: var(--soft);
}
.legend .dot { margin-right: 0.45rem; }
.legend .error { border-left: 0.25rem solid var(--error); padding-left: 0.45rem; }
.legend .warning { border-left: 0.25rem solid var(--warning); padding-left: 0.45rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
footer {
  margin-top: 3.5rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: 0.88rem;
  color: var(--soft);
}
@media (max-width: 40rem) {
  .index { display: block; background: var(--sheet); border: 1px solid var(--line); border-radius: 0.9rem; }
  .index li + li { border-top: 1px solid var(--line); }
  .index a { display: grid; grid-template-columns: 2.25rem 1fr; min-height: 2.6rem; padding: 0.3rem 1rem; }
  .index a { border: 0; border-radius: 0; background: none; font-size: 0.94rem; }
  .findings li { grid-template-columns: 1fr; }
  .findings .who { display: flex; flex-wrap: wrap; gap: 0 0.6rem; align-items: baseline; }
  .rule > header, .findings li, .note, summary { padding-left: 1rem; padding-right: 1rem; }
  thead tr:first-child th.corner, tbody th { padding-left: 0.8rem; padding-right: 0.5rem; }
  tbody th { min-width: 8.5rem; }
}
@media print {
  body { background: none; }
  .rule { break-inside: avoid; }
  .scroll { max-height: none; overflow: visible; }
}
""".strip()
