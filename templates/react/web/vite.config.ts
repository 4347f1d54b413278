import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  server: {
    // As in public_url of authingo.toml. At another port users could not sign in, so it is an
    // error if the port is taken.
    host: "127.0.0.1",
    port: 5173,
    strictPort: true,
    proxy: {
      // The browser sees one origin, so it keeps the cookies. Host has to stay what the address
      // bar shows, since Origin is compared with it: do not set changeOrigin, and do not shorten
      // this to a string, which sets it.
      "/api": { target: "http://127.0.0.1:8000" },
    },
  },
});
