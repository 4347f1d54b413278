import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { python } from "./python.js";

/** A real authingo on a free loopback port, with a database that goes with it. */
export class Backend {
  readonly #folder = mkdtempSync(join(tmpdir(), "authingo-react-"));
  #process: ChildProcess | undefined;
  readonly #mails = join(this.#folder, "mails");
  port = 0;

  constructor(private readonly variables: Record<string, string> = {}) {}

  static async start(variables: Record<string, string> = {}): Promise<Backend> {
    execFileSync(python, ["-c", "import authingo.fastapi, uvicorn"]); // says what is missing
    const backend = new Backend(variables);
    backend.port = await freePort();
    await backend.start();
    return backend;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** On the same port and the same database as before. */
  async start(): Promise<void> {
    const command = ["-m", "uvicorn", "main:app", "--port", `${this.port}`, "--log-level", "error"];
    mkdirSync(this.#mails, { recursive: true });
    this.#process = spawn(python, command, {
      cwd: join(import.meta.dirname, "program"),
      stdio: ["pipe", "inherit", "inherit"],
      env: {
        ...ownEnvironment(),
        PYTHONDONTWRITEBYTECODE: "1",
        AUTHINGO_DATABASE_URL: `sqlite:///${this.#folder}/authingo.db`,
        AUTHINGO_PUBLIC_URL: this.origin,
        AUTHINGO_PASSWORDS__BCRYPT_COST: "4",
        AUTHINGO_MAIL__URL: `file://${this.#mails}`,
        AUTHINGO_MAIL__EMAIL_CODE: "true",
        AUTHINGO_MAIL__FROM: "Example <no-reply@example.com>",
        ...this.variables,
      },
    });
    for (let tries = 0; ; tries++) {
      const health = await fetch(`${this.origin}/api/auth/health`).catch(() => undefined);
      if (health?.ok) return;
      if (tries > 600 || this.#process.exitCode !== null) {
        await this.stop();
        throw new Error("the back end does not start");
      }
      await sleep(50);
    }
  }

  async stop(): Promise<void> {
    const process = this.#process;
    if (!process || process.exitCode !== null) return;
    const ended = new Promise((resolve) => process.once("exit", resolve));
    process.kill("SIGTERM");
    await ended;
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true });
  }

  /** Wait for a mail to an address with a link to a page, and return the token in it. */
  token(page: string, email: string): Promise<string> {
    return this.#mailed(email, new RegExp(`${page}#token=([\\w-]+)`));
  }

  /** Wait for a mail to an address with a code other than the one before, and return it. */
  code(email: string, before = "none"): Promise<string> {
    return this.#mailed(email, new RegExp(`^(?!${before})([A-Z]{4}-[A-Z]{4})\\b`, "m"));
  }

  async #mailed(email: string, pattern: RegExp): Promise<string> {
    for (let tries = 0; tries < 600; tries++) {
      const files = readdirSync(this.#mails).filter((name) => name.endsWith(".eml"));
      for (const name of files) {
        const mail = readFileSync(join(this.#mails, name), "utf8");
        const found = mail.includes(`\nTo: ${email}`) && pattern.exec(mail);
        if (found && found[1]) return found[1];
      }
      await sleep(50);
    }
    throw new Error(`no such mail came to ${email}`);
  }

  /** Let every session token be over, as if a quarter of an hour had passed. */
  expire = () => this.#post("/test/expire");
  tire = () => this.#post("/test/tire");

  /** Let every refresh token be over, as if a month had passed. */
  age = () => this.#post("/test/age");

  async #post(path: string): Promise<void> {
    const answer = await fetch(this.origin + path, { method: "POST" });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Without AUTHINGO_*: settings are the tests' to make, and unknown ones are refused. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("AUTHINGO_"));
  return Object.fromEntries(kept);
}
