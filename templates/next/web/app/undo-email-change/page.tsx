"use client";

export { UndoEmailChange as default } from "../../src/Links";
