import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { python } from "./python.js";

const root = join(import.meta.dirname, "..");

it("the codes are those of the server: `npm run codes` would change nothing", () => {
  const written = execFileSync(python, ["scripts/codes.py"], { cwd: root, encoding: "utf8" });
  expect(readFileSync(join(root, "src/codes.ts"), "utf8")).toBe(written);
});
