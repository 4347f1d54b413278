export * from "./client.js";
export { AuthProvider, useAuth, useReauthentication, } from "./react.js";
