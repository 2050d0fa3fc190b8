// The TypeScript SDK, generation 1: MCP 2025-11-25, with sessions.

import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { configured, run } from "./common.mjs";

// In `requestInit` this generation would send the header instead of the token to the MCP server, too.
async function fetchWithHeader(url, init) {
  const headers = new Headers(init?.headers);
  if (!headers.has("authorization")) headers.set("authorization", configured);
  return fetch(url, { ...init, headers });
}

await run({
  open: (url, authProvider) => ({
    client: new Client({ name: "interop", version: "1" }),
    transport: new StreamableHTTPClientTransport(url, { authProvider, ...(configured ? { fetch: fetchWithHeader } : {}) }),
  }),
  finish: (transport, parameters) => transport.finishAuth(parameters.get("code")),
  Unauthorized: UnauthorizedError,
});
