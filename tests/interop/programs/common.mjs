// What both generations of the TypeScript SDK need around them to be a whole client: a file for what is kept, a
// browser, a port to come back to, and lines of JSON on stdin and stdout for whoever drives it.

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { EventEmitter, on } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

/** The Authorization header in the client's configuration, for every URL that it asks; most have none. */
export const configured = process.env.CONFIGURED_AUTHORIZATION;

/**
 * An OAuthClientProvider of either SDK, over one JSON file.
 *
 * One login at a time: the SDKs ask for one with each request that is refused, and a client has several under way.
 */
class FileProvider {
  #file;
  #redirectUrl;
  #expectedState;
  #atBrowser = false;

  constructor(file, redirectUrl) {
    this.#file = file;
    this.#redirectUrl = redirectUrl;
  }

  get #kept() {
    return existsSync(this.#file) ? JSON.parse(readFileSync(this.#file, "utf8")) : {};
  }

  #keep(members) {
    writeFileSync(this.#file, JSON.stringify({ ...this.#kept, ...members }));
  }

  get redirectUrl() {
    return this.#redirectUrl;
  }

  get clientMetadata() {
    return {
      client_name: "A client on the TypeScript SDK",
      redirect_uris: [this.#redirectUrl],
      grant_types: ["authorization_code", "refresh_token"],
      ...(configured ? { token_endpoint_auth_method: "none" } : {}),
    };
  }

  state() {
    if (!this.#atBrowser) this.#expectedState = randomBytes(16).toString("base64");
    return this.#expectedState;
  }

  cameBack(parameters) {
    if (parameters.get("state") !== this.#expectedState) throw new Error("the state that came back is another");
    this.#atBrowser = false;
  }

  clientInformation() {
    return this.#kept.client;
  }

  saveClientInformation(client) {
    this.#keep({ client });
  }

  tokens() {
    return this.#kept.tokens;
  }

  saveTokens(tokens) {
    this.#keep({ tokens });
  }

  saveCodeVerifier(verifier) {
    if (!this.#atBrowser) this.#keep({ verifier });
  }

  codeVerifier() {
    return this.#kept.verifier;
  }

  saveDiscoveryState(discovery) {
    this.#keep({ discovery });
  }

  discoveryState() {
    return this.#kept.discovery;
  }

  redirectToAuthorization(url) {
    if (this.#atBrowser) return;
    this.#atBrowser = true;
    spawn(process.env.BROWSER, [String(url)], { stdio: "ignore" });
  }

  invalidateCredentials(scope) {
    const lost = { client: ["client"], tokens: ["tokens"], verifier: ["verifier"], discovery: ["discovery"] };
    const names = scope === "all" ? ["client", "tokens", "verifier", "discovery"] : lost[scope];
    this.#keep(Object.fromEntries(names.map((name) => [name, undefined])));
  }
}

/** A listener for the answers that the browser brings. */
async function listen() {
  const callbacks = new EventEmitter();
  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://localhost");
    response.end("You can close this page.");
    if (url.pathname === "/callback") callbacks.emit("callback", url.searchParams);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const arriving = on(callbacks, "callback");
  return {
    redirectUrl: `http://localhost:${server.address().port}/callback`,
    answer: async () => (await arriving.next()).value[0],
  };
}

/**
 * Be a client for as long as stdin is open: a line with `tool` and `arguments` in, a line with its result out;
 * for an empty `tool`, a line with the names of the tools.
 *
 * @param open makes a transport and a client for a URL and a provider, not connected yet
 * @param finish hands the parameters of the authorization response to a transport
 * @param Unauthorized what is thrown once the person has been sent to the browser
 */
export async function run({ open, finish, Unauthorized }) {
  const [mcpUrl, file] = process.argv.slice(2);
  const listener = await listen();
  const provider = new FileProvider(file, listener.redirectUrl);
  let session;

  async function connect() {
    session = open(new URL(mcpUrl), provider);
    await session.client.connect(session.transport);
  }

  async function loggedIn(action) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof Unauthorized)) throw error;
    }
    const parameters = await listener.answer();
    provider.cameBack(parameters);
    await finish(session.transport, parameters);
    await connect();
    return action === connect ? undefined : action();
  }

  for await (const line of createInterface({ input: process.stdin })) {
    try {
      const { tool, arguments: given } = JSON.parse(line);
      if (!session) await loggedIn(connect);
      if (!tool) {
        const { tools } = await loggedIn(() => session.client.listTools());
        console.log(JSON.stringify({ tools: tools.map(({ name }) => name) }));
        continue;
      }
      const result = await loggedIn(() => session.client.callTool({ name: tool, arguments: given }));
      const { structuredContent, content, isError } = result;
      console.log(JSON.stringify({ result: structuredContent, content, isError: Boolean(isError) }));
    } catch (error) {
      const { code, data } = error ?? {};
      console.log(JSON.stringify({ error: String(error?.stack ?? error), code, data }));
    }
  }
  await session?.client.close();
  process.exit(); // the listener and streams that are being opened again would keep it
}
