// Reads requests as JSON from standard input, each as its headers and its body in base64, and writes what
// Express makes of each body; null for one that it refuses.
import { Readable } from "node:stream";
import express from "express";

const parse = express.json();

function read([headers, body]) {
  const request = Readable.from([Buffer.from(body, "base64")], { objectMode: false });
  request.headers = headers;
  return new Promise((resolve) => {
    parse(request, {}, (error) => resolve(error || request.body === undefined ? null : JSON.stringify(request.body)));
  });
}

let text = "";
for await (const chunk of process.stdin) text += chunk;
const found = [];
for (const each of JSON.parse(text)) found.push(await read(each));
process.stdout.write(JSON.stringify(found));
