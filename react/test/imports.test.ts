import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const source = join(import.meta.dirname, "../src");

/** The modules that a module imports, also those of which it only needs a type. */
function importedBy(module: string): string[] {
  const text = readFileSync(join(source, module), "utf8");
  return [...text.matchAll(/from "\.\/([\w-]+)\.js"/g)].map(([, name]) => `${name}.ts`);
}

it("no modules import each other in a circle", () => {
  const modules = readdirSync(source);
  const finished = new Set<string>();
  const visit = (module: string, path: string[]): void => {
    expect(path, "a circle").not.toContain(module);
    if (finished.has(module)) return;
    for (const imported of importedBy(module)) visit(imported, [...path, module]);
    finished.add(module);
  };
  for (const module of modules) visit(module, []);
  expect(importedBy("client.ts")).toContain("session.ts");
  expect(finished.size).toBe(modules.length);
});
