/** Where this server, not the browser, reaches the FastAPI program. */
export const API_URL = process.env.API_URL ?? "http://127.0.0.1:8000";
