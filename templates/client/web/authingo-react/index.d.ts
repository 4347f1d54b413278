export * from "./client.js";
export { AuthProvider, useAuth, type Auth, type AuthProviderProps } from "./react.js";
