import { afterEach, describe, expect, it, vi } from "vitest";
import { withLock } from "../src/lock.js";
import { LockManager } from "./locks.js";

afterEach(() => vi.unstubAllGlobals());

describe.each([
  ["with navigator.locks", true],
  ["without", false],
])("%s", (_, present) => {
  function install(): void {
    vi.stubGlobal("navigator", present ? { locks: new LockManager() } : undefined);
  }

  it("work of one name runs one after the other, and knows whether it waited", async () => {
    install();
    const log: string[] = [];
    const work = (name: string) => async (waited: boolean) => {
      log.push(`${name} ${waited}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
      log.push(`${name} done`);
      return name;
    };
    const all = [withLock("a", work("1")), withLock("a", work("2")), withLock("a", work("3"))];
    expect(await Promise.all(all)).toEqual(["1", "2", "3"]);
    expect(log).toEqual(["1 false", "1 done", "2 true", "2 done", "3 true", "3 done"]);
    expect(await withLock("a", async (waited) => waited)).toBe(false);
  });

  it("work of another name does not wait", async () => {
    install();
    const never = withLock("c", () => new Promise<boolean>(() => {}));
    expect(await withLock("b", async (waited) => waited)).toBe(false);
    void never;
  });

  it("work that throws lets the next one in, and is not done twice", async () => {
    install();
    const work = vi.fn(async () => {
      throw new Error("broken");
    });
    const broken = withLock("a", work);
    const next = withLock("a", async () => "next");
    await expect(broken).rejects.toThrow("broken");
    expect(await next).toBe("next");
    expect(work).toHaveBeenCalledTimes(1);
  });
});

it("locks that are refused do not stop the work", async () => {
  const request = async () => {
    throw new DOMException("opaque origin", "SecurityError");
  };
  vi.stubGlobal("navigator", { locks: { request } });
  expect(await withLock("a", async (waited) => waited)).toBe(true);
});

it("a tab that never lets go is waited for, but not for ever", async () => {
  const locks = new LockManager();
  vi.stubGlobal("navigator", { locks });
  const timeout = vi.spyOn(AbortSignal, "timeout").mockImplementation((milliseconds) => {
    expect(milliseconds).toBe(10_000);
    const stop = new AbortController();
    setTimeout(() => stop.abort(new DOMException("", "TimeoutError")), 20);
    return stop.signal;
  });
  void locks.request("a", () => new Promise(() => {})); // frozen
  expect(await withLock("a", async (waited) => waited)).toBe(true);
  timeout.mockRestore();
});
