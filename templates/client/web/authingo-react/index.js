export * from "./client.js";
export { AuthProvider, useAuth } from "./react.js";
