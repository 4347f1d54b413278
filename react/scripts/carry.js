// Write what `npm run build` made to where the Python package carries it, for `authingo init`:
// projects depend on these files, and on no name in a registry.
// With --check nothing is written; the exit code says whether the files are the same.

import { readdirSync, readFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { URL } from "node:url";

const here = new URL("..", import.meta.url);
const carried = new URL("../templates/client/web/authingo-react/", here);

/** What has to be there, by name. Flat, since many projects ignore a folder called dist. */
function contents() {
  const { name, version, description, license, type, sideEffects, exports, ...rest } = JSON.parse(
    readFileSync(new URL("package.json", here), "utf8"),
  );
  const { engines, peerDependencies } = rest;
  const kept = {
    ...{ name, version, description, private: true, license, type, sideEffects },
    exports: JSON.parse(JSON.stringify(exports).replaceAll("./dist/", "./")),
    ...{ engines, peerDependencies },
  };
  const files = { "package.json": JSON.stringify(kept, null, 2) + "\n" };
  for (const file of ["LICENSE", "README.md"]) {
    files[file] = readFileSync(new URL(file, here), "utf8");
  }
  for (const file of readdirSync(new URL("dist/", here))) {
    files[file] = readFileSync(new URL(`dist/${file}`, here), "utf8");
  }
  return files;
}

/** What is there, by name. */
function present() {
  const names = readdirSync(carried);
  return Object.fromEntries(
    names.map((name) => [name, readFileSync(new URL(name, carried), "utf8")]),
  );
}

if (process.argv.includes("--check")) {
  const [wanted, found] = [contents(), present()];
  const names = new Set([...Object.keys(wanted), ...Object.keys(found)]);
  const different = [...names].filter((name) => wanted[name] !== found[name]);
  if (different.length) {
    console.error(`${carried.pathname} is not what this builds: ${different.join(", ")}`);
    console.error("npm run carry writes it again");
    process.exit(1);
  }
} else {
  rmSync(carried, { recursive: true, force: true });
  mkdirSync(carried, { recursive: true });
  for (const [name, content] of Object.entries(contents())) {
    writeFileSync(new URL(name, carried), content);
  }
}
