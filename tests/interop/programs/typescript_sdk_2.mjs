// The TypeScript SDK, generation 2: the newest revision of MCP that the server speaks.

import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";
import { configured, run } from "./common.mjs";

const requestInit = configured ? { headers: { Authorization: configured } } : undefined;

await run({
  open: (url, authProvider) => ({
    client: new Client({ name: "interop", version: "1" }, { versionNegotiation: { mode: "auto" } }),
    transport: new StreamableHTTPClientTransport(url, { authProvider, requestInit }),
  }),
  finish: (transport, parameters) => transport.finishAuth(parameters),
  Unauthorized: UnauthorizedError,
});
