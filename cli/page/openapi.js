// The OpenAPI document of this server, for people.

import { $, el } from "./dom.js";

async function show() {
  const answer = await fetch("/openapi.json", { cache: "no-store" });
  if (!answer.ok) throw new Error(`GET /openapi.json was answered with ${answer.status}.`);
  const api = await answer.json();
  $("version").textContent = `${api.info.title} ${api.info.version}`;
  const routes = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, route]) => section(method.toUpperCase(), path, route)),
  );
  $("routes").replaceChildren(...routes, ...errors());

  function section(method, path, route) {
    const parts = [
      ...(route.parameters ?? []).map((one) => ["Needs", parameter(one)]),
      ...(route.security ? [["Needs", "a session: the cookie comes with the request"]] : []),
      ...bodies("Body", route.requestBody),
      ...Object.entries(route.responses)
        .filter(([status]) => status !== "default")
        .flatMap(([status, one]) => [[status, one.description], ...bodies("", one)]),
    ];
    return card(el("span", { className: "line" }, `${method} ${path}`), route.summary, parts);
  }

  // The other answers of the routes. They are the same everywhere, so they are shown once.
  function errors() {
    const all = Object.values(api.paths).flatMap((methods) => Object.values(methods));
    const other = all.map((route) => route.responses.default).find(Boolean);
    return other ? [card("Errors", other.description.replaceAll("`", ""), bodies("Body", other))] : [];
  }

  // A schema as the JSON it describes, with the name of its type in place of each value.
  function example(schema) {
    if (schema.$ref) return example(schema.$ref.slice(2).split("/").reduce((at, key) => at[key], api));
    const one = schema.anyOf ?? schema.oneOf;
    if (one) return example(one[0]);
    if (schema.properties) {
      return Object.fromEntries(
        Object.entries(schema.properties).map(([name, value]) => [name, example(value)]),
      );
    }
    if (schema.items) return [example(schema.items)];
    if (schema.additionalProperties?.type) return { "…": example(schema.additionalProperties) };
    return described(schema);
  }

  function bodies(name, holder) {
    const schema = holder?.content?.["application/json"]?.schema;
    return schema ? [[name, el("pre", {}, JSON.stringify(example(schema), null, 2))]] : [];
  }
}

function described({ type, format, minLength, maxLength, enum: only }) {
  if (only) return only.join(" or ");
  const kind = [type ?? "anything"].flat().join(" or ");
  const size = maxLength ? `, ${minLength ?? 0} to ${maxLength} characters` : "";
  return `${kind}${format ? ` (${format})` : ""}${size}`;
}

function parameter({ name, in: where, schema }) {
  const places = { header: "the header", path: "in the path," };
  return `${places[where] ?? where} ${name}: ${described(schema)}`;
}

function card(title, about, parts) {
  const head = [el("h2", {}, title), el("p", { className: "quiet" }, about ?? "")];
  return el("section", { className: "card" }, ...head, el("dl", { className: "facts" }, ...parts.map(row)));
}

const row = ([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value));

show().catch((error) => {
  $("problem").textContent = error.message;
  $("problem").hidden = false;
});
