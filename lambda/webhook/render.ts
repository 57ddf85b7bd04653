import { PATHS_SHOWN, type PathCount } from "./store.ts";
import { STYLE } from "./style.ts";

/** All that the page, or the JSON document, tells. */
export interface View {
  readonly hitPath: string;
  readonly requestId: string;
  readonly paths: readonly PathCount[];
  /** Requests answered, and connections opened for them, by this execution environment. */
  readonly requests: number;
  readonly connections: number;
}

export interface Failure {
  readonly status: number;
  readonly message: string;
  readonly requestId: string;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Safe in text and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character]!);
}

export function renderPage(view: View): string {
  const total = view.paths.reduce((sum, row) => sum + row.hits, 0);
  const full = view.paths.length === PATHS_SHOWN;
  return document(
    "Paths hit",
    `<h1>Paths hit</h1>
<p>You hit <code><strong>${escapeHtml(view.hitPath)}</strong></code>.
${full ? `The ${PATHS_SHOWN} paths hit last, with` : `${plural(view.paths.length, "path")} so far,`} ${plural(total, "hit")} in all.</p>
<div class="sheet" role="region" aria-label="All paths hit" tabindex="0">
<table>
<caption>Latest first. Times are UTC.</caption>
<thead><tr><th scope="col">Path</th><th scope="col" class="number">Hits</th>\
<th scope="col">First hit</th><th scope="col">Last hit</th></tr></thead>
<tbody>
${view.paths.map((row) => renderRow(row, row.path === view.hitPath)).join("\n")}
</tbody>
</table>
</div>
<footer>
<p>This function environment has answered ${plural(view.requests, "request")} over \
${plural(view.connections, "connection")} to the proxy.</p>
<p>Request <code>${escapeHtml(view.requestId)}</code></p>
</footer>`,
  );
}

function renderRow(row: PathCount, fresh: boolean): string {
  const mark = fresh ? ' <span class="mark">just now</span>' : "";
  return `<tr${fresh ? ' class="fresh"' : ""}><th scope="row"><code>${escapeHtml(row.path)}</code>${mark}</th>\
<td class="number">${row.hits.toLocaleString("en")}</td><td>${renderTime(row.first)}</td><td>${renderTime(row.last)}</td></tr>`;
}

function renderTime(time: Date): string {
  const iso = time.toISOString();
  // Two parts: a narrow screen may break the line between them, and nowhere else.
  return `<time datetime="${iso}"><span>${iso.slice(0, 10)}</span> <span>${iso.slice(11, 19)}</span></time>`;
}

export function renderDocument(view: View): string {
  const { hitPath, requestId, paths } = view;
  return toJson({ hit: hitPath, requestId, paths });
}

export function renderFailurePage(failure: Failure): string {
  return document(
    `${failure.status}`,
    `<h1>${escapeHtml(failure.message)}</h1>
<p>Status ${failure.status}. The cause is in the function's log under the request id.</p>
<footer><p>Request <code>${escapeHtml(failure.requestId)}</code></p></footer>`,
  );
}

export function renderFailureDocument(failure: Failure): string {
  return toJson({ message: failure.message, requestId: failure.requestId });
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function document(title: string, main: string): string {
  // The empty icon keeps browsers from asking for /favicon.ico.
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<main>
${main}
</main>
</body>
</html>
`;
}

function plural(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
