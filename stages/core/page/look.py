"""The look of the report: one style sheet, light and dark, from 400 pixels of width on, without scripts."""

STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1d2329; --soft: #57606a; --line: #d5dae0; --page: #fbfbfa; --box: #fff; --accent: #00598c;
}
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8ea; --soft: #a3abb4; --line: #3b424a; --page: #16191c; --box: #1f2327; --accent: #6cbdf0; }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
header, main, footer { max-width: 66rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 2rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 {
  font-size: 1.4rem; line-height: 1.25; margin: 3rem 0 .8rem;
  padding-top: .8rem; border-top: 1px solid var(--line);
}
h3 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
p { max-width: 44rem; margin: .5rem 0 1rem; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: .5rem; padding: .4rem .8rem; background: var(--box); z-index: 1; }
nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; padding: 0; margin: 1rem 0 0; list-style: none; }
.soft, caption, figcaption { color: var(--soft); }
.answers {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr));
  gap: 1rem; margin: 1.5rem 0;
}
.answers > section {
  padding: 1rem 1.2rem; background: var(--box);
  border: 1px solid var(--line); border-radius: .6rem;
}
.answers h2 { margin: 0; padding: 0; border: 0; font-size: .95rem; font-weight: 600; color: var(--soft); }
.answers p { margin: .3rem 0 0; }
.answers .figure { font-size: 1.8rem; line-height: 1.25; font-weight: 650; font-variant-numeric: tabular-nums; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: 0 2rem; }
.grid > * { min-width: 0; }
.scroll { overflow-x: auto; max-width: 100%; }
table {
  border-collapse: collapse; min-width: min(30rem, 100%);
  margin: .4rem 0 1.2rem; font-variant-numeric: tabular-nums;
}
caption { text-align: left; padding: .3rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem 1.2rem .3rem 0; border-bottom: 1px solid var(--line); }
th:last-child, td:last-child { padding-right: 0; }
thead th { font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 500; white-space: nowrap; }
.number { text-align: right; white-space: nowrap; }
.words { min-width: 13rem; }
@media (max-width: 40rem) { table { font-size: .9rem; } th, td { padding-right: .8rem; } }
figure { margin: 1.2rem 0; }
figure .scroll {
  width: fit-content; background: #fff; border: 1px solid var(--line);
  border-radius: .6rem; padding: .8rem;
}
figcaption { margin-top: .4rem; font-size: .95rem; max-width: 44rem; }
img { display: block; width: 50rem; max-width: 100%; min-width: 36rem; height: auto; }
.grid table { width: 100%; min-width: 0; }
.grid td, .grid th { white-space: normal; overflow-wrap: anywhere; }
.grid caption { font-weight: 600; }
svg { display: block; max-width: 100%; height: auto; }
svg rect { fill: var(--box); stroke: var(--accent); stroke-width: 1.3; }
svg path { fill: none; stroke: var(--soft); stroke-width: 1.3; }
svg text { fill: var(--ink); font: 15px ui-monospace, monospace; }
code { font: .92em ui-monospace, monospace; }
footer { padding: 2rem 1rem; color: var(--soft); }
@media print { nav, .skip { display: none; } figure, tr { break-inside: avoid; } }
"""
