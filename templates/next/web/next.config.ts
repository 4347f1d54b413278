import type { NextConfig } from "next";
import { API_URL } from "./api";

export default {
  // The browser sees one origin, so it keeps the cookies. Next.js reads this at build time.
  rewrites: async () => [{ source: "/api/:path*", destination: `${API_URL}/api/:path*` }],
} satisfies NextConfig;
