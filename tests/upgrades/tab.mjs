// A page with the React client, driven by lines on stdin: ["signIn.email", [{ … }]].
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [client, origin] = process.argv.slice(2);
const network = globalThis.fetch;
const jar = new Map();

// Node.js has no cookies.
globalThis.fetch = async (input, init) => {
  const request = new Request(input, init);
  const { pathname } = new URL(request.url);
  const sent = [...jar.values()].filter(({ path }) => `${pathname}/`.startsWith(`${path}/`));
  if (sent.length) request.headers.set("Cookie", sent.map(({ pair }) => pair).join("; "));
  const answer = await network(request);
  for (const header of answer.headers.getSetCookie()) {
    const [pair, ...attributes] = header.split("; ");
    const [name] = pair.split("=");
    const path = attributes.find((one) => one.startsWith("Path="))?.slice(5) ?? "/";
    if (attributes.includes("Max-Age=0")) jar.delete(name);
    else jar.set(name, { pair, path: path.replace(/\/$/, "") });
  }
  return answer;
};

const { createAuthClient } = await import(pathToFileURL(client).href);
const auth = createAuthClient({ baseURL: origin });

for await (const line of createInterface({ input: process.stdin })) {
  const [name, given] = JSON.parse(line);
  const called = name.split(".").reduce((at, key) => at[key], auth);
  const { data, error } = await called(...given);
  console.log(JSON.stringify({ data, error, status: auth.getState().status }));
}
