import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { AuthProvider } from "@authingo/react";
import { App } from "./App";
import { ChangeEmail, ResetPassword, UndoDeletion, UndoEmailChange, VerifyEmail } from "./Links";
import "./style.css";

// What the links in mails lead to: as in [links] of authingo.toml.
const pages = new Map([
  ["/reset-password", ResetPassword],
  ["/verify-email", VerifyEmail],
  ["/change-email", ChangeEmail],
  ["/undo-email-change", UndoEmailChange],
  ["/undo-deletion", UndoDeletion],
]);
const Page = pages.get(location.pathname) ?? App;

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <AuthProvider baseURL="/api/auth">
      <Page />
    </AuthProvider>
  </StrictMode>,
);
