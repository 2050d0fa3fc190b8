// A client on the TypeScript SDK that calls a tool as a task: it prints the id of the task, and the result.

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CallToolResultSchema, ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const [url, token, tool, parameters] = process.argv.slice(2);
const capabilities = { elicitation: {}, tasks: { requests: { elicitation: { create: {} } } } };
const client = new Client({ name: "tasks", version: "1" }, { capabilities });
client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
  const [choice] = params.requestedSchema.properties.interpretation.oneOf;
  return { action: "accept", content: { interpretation: choice.const } };
});
const headers = { Authorization: `Bearer ${token}` };
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
await client.listTools(); // the SDK calls as a task only tools of which it has read that they can be
const call = { name: tool, arguments: JSON.parse(parameters) };
const seen = { statuses: [], list: Boolean(client.getServerCapabilities().tasks?.list) };
for await (const message of client.experimental.tasks.callToolStream(call, CallToolResultSchema, { task: { ttl: 60000 } })) {
  if (message.type === "taskCreated") seen.created = message.task.taskId;
  if (message.type === "taskStatus") seen.statuses.push(message.task.status);
  if (message.type === "result") seen.text = message.result.content[0].text;
  if (message.type === "error") seen.error = String(message.error);
}
seen.found = (await client.experimental.tasks.getTask(seen.created)).taskId;
console.log(JSON.stringify(seen));
process.exit(0);
