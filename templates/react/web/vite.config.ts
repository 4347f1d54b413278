import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  server: {
    // public_url in authingo.toml: at another port nobody could sign in, so a port that is
    // taken is an error.
    host: "127.0.0.1",
    port: 5173,
    strictPort: true,
    proxy: {
      // The browser sees one origin, so the cookies are kept. Host has to stay what the address
      // bar says, since Origin is compared to it: do not set changeOrigin, and do not shorten
      // this to a string, which sets it.
      "/api": { target: "http://127.0.0.1:8000" },
    },
  },
});
