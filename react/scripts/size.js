// What the package adds to an application, minified and compressed; fails above the limit.
import { build } from "esbuild";
import { brotliCompressSync, gzipSync } from "node:zlib";

const LIMIT = 4500; // bytes, gzip

const { outputFiles } = await build({
  stdin: {
    contents: 'export { AuthProvider, useAuth, createAuthClient } from "./dist/index.js";',
    resolveDir: process.cwd(),
  },
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  external: ["react"],
  write: false,
  logLevel: "error",
});
const bundle = outputFiles[0].contents;
const gzip = gzipSync(bundle, { level: 9 }).length;
const brotli = brotliCompressSync(bundle).length;
console.log(`${bundle.length} bytes minified, ${gzip} with gzip, ${brotli} with brotli`);
if (gzip >= LIMIT) {
  console.error(`over the limit of ${LIMIT} bytes`);
  process.exitCode = 1;
}
