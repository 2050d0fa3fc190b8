// The TypeScript SDK, generation 1: MCP 2025-11-25, with sessions.

import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { run } from "./common.mjs";

await run({
  open: (url, authProvider) => ({
    client: new Client({ name: "interop", version: "1" }),
    transport: new StreamableHTTPClientTransport(url, { authProvider }),
  }),
  finish: (transport, parameters) => transport.finishAuth(parameters.get("code")),
  Unauthorized: UnauthorizedError,
});
