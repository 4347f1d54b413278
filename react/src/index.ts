export * from "./client.js";
export {
  AuthProvider,
  useAuth,
  useReauthentication,
  type Auth,
  type AuthProviderProps,
  type Reauthentication,
} from "./react.js";
