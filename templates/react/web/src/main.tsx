import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { AuthProvider } from "@authingo/react";
import { App } from "./App";
import "./style.css";

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <AuthProvider baseURL="/api/auth">
      <App />
    </AuthProvider>
  </StrictMode>,
);
