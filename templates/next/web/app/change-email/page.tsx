"use client";

export { ChangeEmail as default } from "../../src/Links";
