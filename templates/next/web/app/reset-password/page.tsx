"use client";

export { ResetPassword as default } from "../../src/Links";
