import { describe, expect, it } from "vitest";
import { startProxy } from "../support/proxy.ts";
import { server } from "../support/servers.ts";
import { Site } from "./site.ts";
import { Visitor } from "./visitor.ts";

const ADMIN = { user: "editor", password: "a long enough pass phrase" };
const VISITORS = 40;

describe.each(["mysql", "mariadb"] as const)("WordPress through the proxy to %s", (engine) => {
  it("is installed, takes a post and a comment, and finds them again", async () => {
    const here = await server(engine);
    await using proxy = await startProxy(here, { spec: { pool: { maxConnections: 3 } } });
    await using site = await Site.start(proxy.login);
    const editor = new Visitor(site.url);

    await editor.post("/wp-admin/install.php?step=2", {
      weblog_title: "Sluice & sons",
      user_name: ADMIN.user,
      admin_password: ADMIN.password,
      admin_password2: ADMIN.password,
      admin_email: "editor@example.org",
      blog_public: "0",
      language: "",
    });
    expect(await editor.text("/"), site.log).toContain("Sluice &amp; sons");

    await editor.logIn(ADMIN.user, ADMIN.password);
    const post = await editor.rest("POST", "/wp/v2/posts", {
      title: "Schleusenwärter 🚢",
      content: "The <em>lock-keeper</em> knows every boat's name.",
      status: "publish",
    });

    const reader = new Visitor(site.url);
    const comment = await reader.post("/wp-comments-post.php", {
      comment: "Mine is called O'Brien; DROP TABLE boats",
      author: "A skipper",
      email: "skipper@example.org",
      comment_post_ID: String(post.id),
      comment_parent: "0",
    });
    expect(comment.status, site.log).toBe(302);
    const [held] = (await editor.rest("GET", "/wp/v2/comments&status=hold")) as unknown as {
      id: number;
    }[];
    await editor.rest("POST", `/wp/v2/comments/${held!.id}`, { status: "approved" });

    const page = await reader.text(`/?p=${post.id}`);
    expect(page).toContain("Schleusenwärter 🚢");
    expect(page).toContain("O&#8217;Brien; DROP TABLE boats");
    expect(await reader.text("/?s=lock-keeper")).toContain("Schleusenwärter 🚢");
    expect(await reader.text("/?s=helicopter")).not.toContain("Schleusenwärter 🚢");

    // The database itself agrees.
    const { database } = proxy.login;
    const rows = await here.sql(
      `SELECT post_title FROM ${database}.wp_posts WHERE ID = ${post.id}`,
    );
    expect(rows).toEqual([{ post_title: "Schleusenwärter 🚢" }]);
    expect(proxy.bugs).toEqual([]);
  });

  it("serves many visitors on a few connections, pinned only while one asks how many rows were found", async () => {
    const here = await server(engine);
    await using proxy = await startProxy(here, { spec: { pool: { maxConnections: 3 } } });
    await using site = await Site.start(proxy.login);
    const editor = new Visitor(site.url);
    await editor.post("/wp-admin/install.php?step=2", {
      weblog_title: "Busy",
      user_name: ADMIN.user,
      admin_password: ADMIN.password,
      admin_password2: ADMIN.password,
      admin_email: "editor@example.org",
      language: "",
    });
    const before = await proxy.metric("sluice_client_connections_setup_succeeded");
    const visits = Array.from({ length: VISITORS }, (_, i) =>
      new Visitor(site.url).text(`/?s=word${i}`),
    );
    const pages = await Promise.all(visits);
    expect(pages.filter((page) => !page.includes("Busy"))).toEqual([]);
    const sessions = (await proxy.metric("sluice_client_connections_setup_succeeded")) - before;
    expect(sessions).toBeGreaterThanOrEqual(VISITORS);
    expect(proxy.backends).toBeLessThanOrEqual(3);
    // As with RDS Proxy: WordPress counts what it finds, and the count stays on its connection.
    const rules = proxy.view.pins().map(({ rule }) => rule);
    expect(new Set(rules)).toEqual(new Set(["found-rows"]));
  });
});
