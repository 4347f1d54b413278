import { defineConfig } from "vitest/config";

const react18 = new URL("test/react18/node_modules/", import.meta.url).pathname;

export default defineConfig({
  test: {
    testTimeout: 20_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: { name: "core", include: ["test/*.test.ts"], exclude: ["test/react.test.ts"] },
      },
      {
        extends: true,
        test: { name: "react 19", include: ["test/react.test.ts"], setupFiles: "test/dom.ts" },
      },
      {
        extends: true,
        resolve: { alias: { react: `${react18}react`, "react-dom": `${react18}react-dom` } },
        test: { name: "react 18", include: ["test/react.test.ts"], setupFiles: "test/dom.ts" },
      },
    ],
  },
});
