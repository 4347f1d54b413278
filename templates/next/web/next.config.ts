import type { NextConfig } from "next";
import { API_URL } from "./api";

export default {
  // The browser sees one origin, so the cookies are kept. Read when the application is built.
  rewrites: async () => [{ source: "/api/:path*", destination: `${API_URL}/api/:path*` }],
} satisfies NextConfig;
