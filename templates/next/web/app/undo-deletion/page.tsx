"use client";

export { UndoDeletion as default } from "../../src/Links";
