import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { answerFailure, answerMethodRefused, answerView } from "../../../lambda/webhook/answers.ts";
import type { Received } from "../../../lambda/webhook/receive.ts";
import { escapeHtml, renderPage, type View } from "../../../lambda/webhook/render.ts";

const HOSTILE = `/"><script>alert('x')</script>&amp;`;
const VIEW: View = {
  hitPath: "/a",
  requestId: "JKJaXmPLvHcESHA=",
  paths: [
    {
      path: "/a",
      hits: 1_234,
      first: new Date("2026-01-02T03:04:05.678Z"),
      last: new Date("2026-11-20T18:00:00Z"),
    },
    {
      path: HOSTILE,
      hits: 1,
      first: new Date("2026-01-01T00:00:00Z"),
      last: new Date("2026-01-01T00:00:00Z"),
    },
  ],
  requests: 7,
  connections: 1,
};

const received = (changes: Partial<Received> = {}): Received => ({
  receipt: { kind: "favicon", method: "GET" },
  requestId: "JKJaXmPLvHcESHA=",
  format: "html",
  bodyWanted: true,
  ...changes,
});

test("escaping leaves nothing that HTML would read", () => {
  expect(escapeHtml(`<a href="x" title='y'>&</a>`)).toBe(
    "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;&lt;/a&gt;",
  );
});

describe("the page", () => {
  const page = renderPage(VIEW);

  test("shows every path with its count and times", () => {
    expect(page).toContain("<code>/a</code>");
    expect(page).toContain('<td class="number">1,234</td>');
    expect(page).toContain(
      '<time datetime="2026-01-02T03:04:05.678Z"><span>2026-01-02</span> <span>03:04:05</span></time>',
    );
    expect(page).toContain("2 paths so far, 1,235 hits in all.");
    expect(page).toContain("7 requests over 1 connection to the proxy");
  });

  test("marks the path just hit, and only that", () => {
    expect(page.match(/class="fresh"/g)).toHaveLength(1);
    expect(page).toMatch(/<tr class="fresh"><th scope="row"><code>\/a<\/code>/);
  });

  test("shows a hostile path as text", () => {
    const hostile = renderPage({ ...VIEW, hitPath: HOSTILE, requestId: HOSTILE });
    expect(hostile).not.toContain("<script");
    expect(hostile.split(escapeHtml(HOSTILE))).toHaveLength(4);
  });

  test("is a table that can be read aloud", () => {
    expect(page).toContain('<html lang="en">');
    expect(page).toContain("<caption>");
    expect(page.match(/<th scope="col"/g)).toHaveLength(4);
    expect(page.match(/<th scope="row"/g)).toHaveLength(2);
  });
});

describe("an answer", () => {
  test("allows exactly the page's own style and nothing else", () => {
    const { headers, body } = answerView(received(), VIEW);
    const style = /<style>([\s\S]*)<\/style>/.exec(body)?.[1] ?? "";
    const hash = createHash("sha256").update(style).digest("base64");
    expect(headers["content-security-policy"]).toContain(
      `default-src 'none'; style-src 'sha256-${hash}'`,
    );
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(headers["cache-control"]).toBe("no-store");
  });

  test("in JSON has the same facts", () => {
    const { headers, body } = answerView(received({ format: "json" }), VIEW);
    expect(headers["content-type"]).toBe("application/json");
    expect(JSON.parse(body)).toEqual({
      hit: "/a",
      requestId: "JKJaXmPLvHcESHA=",
      paths: [
        {
          path: "/a",
          hits: 1_234,
          first: "2026-01-02T03:04:05.678Z",
          last: "2026-11-20T18:00:00.000Z",
        },
        {
          path: HOSTILE,
          hits: 1,
          first: "2026-01-01T00:00:00.000Z",
          last: "2026-01-01T00:00:00.000Z",
        },
      ],
    });
  });

  test("to HEAD has no body", () => {
    const answer = answerView(received({ bodyWanted: false }), VIEW);
    expect([answer.statusCode, answer.body]).toEqual([200, ""]);
  });

  test("that failed names the request, in the format asked for", () => {
    const page = answerFailure(received(), 500, "It <failed>.");
    expect(page.statusCode).toBe(500);
    expect(page.body).toContain("It &lt;failed&gt;.");
    expect(page.body).toContain("JKJaXmPLvHcESHA=");
    const document = answerFailure(received({ format: "json" }), 500, "It <failed>.");
    expect(JSON.parse(document.body)).toEqual({
      message: "It <failed>.",
      requestId: "JKJaXmPLvHcESHA=",
    });
  });

  test("to another method names those that are served", () => {
    const answer = answerMethodRefused(received(), "<DELETE>");
    expect([answer.statusCode, answer.headers["allow"]]).toEqual([405, "GET, HEAD, POST"]);
    expect(answer.body).not.toContain("<DELETE>");
  });
});
