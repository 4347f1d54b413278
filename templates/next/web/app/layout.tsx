import { AuthProvider } from "@authingo/react";
import { getSession } from "@authingo/react/server";
import type { Metadata } from "next";
import { headers } from "next/headers";
import type { ReactNode } from "react";
import { API_URL } from "../api";
import "../src/style.css";

export const metadata: Metadata = { title: "My application", icons: { icon: "data:," } };

export default async function Layout({ children }: { children: ReactNode }) {
  const initialSession = await getSession({ baseURL: API_URL, headers: await headers() });
  return (
    <html lang="en">
      <body>
        <AuthProvider baseURL="/api/auth" initialSession={initialSession}>
          {children}
        </AuthProvider>
      </body>
    </html>
  );
}
