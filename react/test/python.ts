import { existsSync } from "node:fs";
import { join } from "node:path";

const ours = join(import.meta.dirname, "../../.venv/bin/python");

/** A Python that has authingo: AUTHINGO_TEST_PYTHON, or that of the repository. */
export const python = process.env["AUTHINGO_TEST_PYTHON"] ?? (existsSync(ours) ? ours : "python3");
