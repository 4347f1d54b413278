"use client";

export { VerifyEmail as default } from "../../src/Links";
