// MCP servers made with the TypeScript SDK that write down what they do.
//   express.mjs FILE        over stdio
//   express.mjs FILE PORT   over Streamable HTTP on Express, at /mcp
import { appendFileSync } from "node:fs";
import { createMcpExpressApp } from "@modelcontextprotocol/sdk/server/express.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";

const [file, port] = process.argv.slice(2);

const ledger = () => {
  const server = new McpServer({ name: "ledger", version: "1.0.0" });
  for (const name of ["safe", "delete_all"]) {
    server.registerTool(name, { description: name }, async () => {
      appendFileSync(file, `${name}\n`);
      return { content: [{ type: "text", text: name }] };
    });
  }
  return server;
};

if (port === undefined) {
  await ledger().connect(new StdioServerTransport());
} else {
  const app = createMcpExpressApp();
  app.post("/mcp", async (request, response) => {
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    await ledger().connect(transport);
    await transport.handleRequest(request, response, request.body);
  });
  app.listen(Number(port), "127.0.0.1");
}
