// Answers each JSON-RPC request with the headers that it came with, as Node reads them.
import { createServer } from "node:http";

createServer(async (request, response) => {
  let text = "";
  for await (const chunk of request) text += chunk;
  const { id, method } = JSON.parse(text);
  const seen = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) seen.push(request.rawHeaders.slice(i, i + 2));
  const result = method === "tools/list" ? { tools: [] } : { seen, joined: request.headers };
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ jsonrpc: "2.0", id, result: { resultType: "complete", ...result } }));
}).listen(Number(process.env.PORT), "127.0.0.1");
