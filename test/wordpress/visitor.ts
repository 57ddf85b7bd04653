/** Somebody with a browser: keeps cookies, follows pages that have moved. */
export class Visitor {
  readonly #url: string;
  readonly #cookies = new Map<string, string>();
  #nonce = "";

  constructor(url: string) {
    this.#url = url;
  }

  async get(path: string): Promise<Response> {
    return await this.#fetch(path, {});
  }

  async text(path: string): Promise<string> {
    let answer = await this.get(path);
    // To the address that the page has by its name.
    const moved = answer.status === 301 ? answer.headers.get("location") : null;
    if (moved !== null) answer = await this.get(moved.replace(this.#url, ""));
    if (answer.status !== 200) throw new Error(`GET ${path} gave ${answer.status}`);
    return await answer.text();
  }

  async post(path: string, fields: Readonly<Record<string, string>>): Promise<Response> {
    return await this.#fetch(path, { method: "POST", body: new URLSearchParams(fields) });
  }

  async logIn(user: string, password: string): Promise<void> {
    await this.get("/wp-login.php");
    const answer = await this.post("/wp-login.php", { log: user, pwd: password, testcookie: "1" });
    if (answer.status !== 302) throw new Error(`the login gave ${answer.status}`);
    this.#nonce = await this.text("/wp-admin/admin-ajax.php?action=rest-nonce");
  }

  /** WordPress's REST API. */
  async rest(method: string, route: string, body?: unknown): Promise<{ readonly id: number }> {
    const answer = await this.#fetch(`/index.php?rest_route=${route}`, {
      method,
      headers: { "content-type": "application/json", "x-wp-nonce": this.#nonce },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok)
      throw new Error(`${method} ${route} gave ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as { id: number };
  }

  async #fetch(path: string, options: RequestInit): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(`${this.#url}${path}`, {
      ...options,
      headers: { ...(options.headers as Record<string, string>), cookie },
      redirect: "manual",
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (name !== undefined && value !== undefined) this.#cookies.set(name, value);
    }
    return answer;
  }
}
