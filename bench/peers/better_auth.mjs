// Better Auth as its documentation sets it up: node's http server, pg, email and password.
// node better_auth.mjs migrate | serve PORT; COOKIE_CACHE=1 turns its cookie cache on.
import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import pg from "pg";

const [task, port] = process.argv.slice(2);
const database = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const options = {
  database,
  baseURL: `http://127.0.0.1:${port ?? 0}`,
  secret: process.env.SECRET,
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false }, // else it would refuse the measurement
  session: { cookieCache: { enabled: process.env.COOKIE_CACHE === "1" } },
};

if (task === "migrate") {
  await (await getMigrations(options)).runMigrations();
  await database.end();
} else {
  createServer(toNodeHandler(betterAuth(options))).listen(Number(port), "127.0.0.1");
}
