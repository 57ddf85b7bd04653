/** The page's style sheet, in the page: one answer, nothing to fetch. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f6f7f4; --sheet: #ffffff; --ink: #16201c; --quiet: #5a6862; --line: #dde3de;
  --accent: #0b6e4f; --fresh: #e6f4ec;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0e1412; --sheet: #161e1b; --ink: #e6ece9; --quiet: #9aa9a2; --line: #2a3531;
    --accent: #5fd3a5; --fresh: #17342a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 3rem 1.25rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
main { max-width: 62rem; margin: 0 auto; }
h1 { margin: 0 0 .25rem; font-size: 1.75rem; line-height: 1.2; letter-spacing: -.01em; text-wrap: balance; }
p { margin: .25rem 0; color: var(--quiet); }
p strong { color: var(--ink); font-weight: 600; }
.sheet {
  margin: 1.75rem 0 1.25rem; overflow-x: auto; background: var(--sheet);
  border: 1px solid var(--line); border-radius: .75rem;
}
.sheet:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
table { width: 100%; border-collapse: collapse; }
caption {
  padding: .9rem 1.1rem .6rem; text-align: left; color: var(--quiet); font-size: .875rem;
}
th, td { padding: .65rem 1.1rem; text-align: left; vertical-align: baseline; border-top: 1px solid var(--line); }
thead th { color: var(--quiet); font-size: .8125rem; font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 500; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
time, time span { white-space: nowrap; font-variant-numeric: tabular-nums; color: var(--quiet); }
code {
  font: .9375rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  overflow-wrap: anywhere;
}
tr.fresh { background: var(--fresh); }
tr.fresh th { box-shadow: inset 3px 0 0 var(--accent); }
.mark {
  margin-left: .5rem; padding: .05rem .5rem; border: 1px solid var(--accent); border-radius: 1rem;
  color: var(--accent); font-size: .75rem; font-weight: 600; white-space: nowrap;
}
footer p, footer code { font-size: .8125rem; }
@media (max-width: 40rem) {
  body { padding: 1.75rem .9rem; }
  th, td { padding: .55rem .75rem; }
  time { white-space: normal; font-size: .875rem; }
  .mark { margin-left: 0; }
}
`;
