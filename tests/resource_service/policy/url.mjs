// Reads JSON, a list of URIs; writes for each what the WHATWG URL standard makes of it, or null.
let text = "";
for await (const chunk of process.stdin) text += chunk;
const read = (uri) => {
  try {
    return new URL(uri).href;
  } catch {
    return null;
  }
};
process.stdout.write(JSON.stringify(JSON.parse(text).map(read)));
