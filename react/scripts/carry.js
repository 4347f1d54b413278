// Write what `npm run build` made to where the Python package carries it: the React package for
// `authingo init`, since projects depend on these files and on no name in a registry, and the
// framework-free client as one module, for the ready-made pages and for pages of a program's own.
// With --check nothing is written; the exit code says whether the files are the same.

import { build } from "esbuild";
import { existsSync, readdirSync, readFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { URL, fileURLToPath } from "node:url";

const here = new URL("..", import.meta.url);
const carried = new URL("../templates/client/web/authingo-react/", here);
const served = new URL("../authingo/pages/assets/", here);

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

/** The client as one module, small enough to be sent as it is. */
async function bundled() {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("dist/client.js", here))],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    banner: { js: "// The client of authingo, built from react/src by `npm run carry`. MIT." },
    write: false,
    logLevel: "error",
  });
  return outputFiles[0].text;
}

const IMPORT = /^(?:import|export) .*from "\.\/.*\n/gm;
const VALUE =
  /(?:\/\*\*(?:(?!\*\/)[^])*\*\/\n)?^export declare (?:function|class) (?:.*\{\n(?: .*\n)*\}.*|.*)\n/gm;

/** The types of that module, in one file too. Only what client.ts exports is there at run time. */
function typesOfIt() {
  const read = (name) =>
    readFileSync(new URL(`dist/${name}.d.ts`, here), "utf8").replace(IMPORT, "");
  const types = ["codes", "models", "errors", "store"].map((name) => read(name).replace(VALUE, ""));
  return `// The types of client.js. MIT.\n\n${[...types, read("client")].join("\n")}`;
}

const wanted = contents();
const modules = { "client.js": await bundled(), "client.d.ts": typesOfIt() };

if (process.argv.includes("--check")) {
  const found = present();
  const names = new Set([...Object.keys(wanted), ...Object.keys(found)]);
  const different = [...names].filter((name) => wanted[name] !== found[name]);
  const stale = Object.entries(modules).filter(([name, content]) => {
    const file = new URL(name, served);
    return !existsSync(file) || readFileSync(file, "utf8") !== content;
  });
  for (const [place, files] of [
    [carried, different],
    [served, stale.map(([name]) => name)],
  ]) {
    if (!files.length) continue;
    console.error(`${place.pathname} is not what this builds: ${files.join(", ")}`);
    console.error("npm run carry writes it again");
    process.exitCode = 1;
  }
} else {
  rmSync(carried, { recursive: true, force: true });
  mkdirSync(carried, { recursive: true });
  for (const [folder, files] of [
    [carried, wanted],
    [served, modules],
  ]) {
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(new URL(name, folder), content);
    }
  }
}
