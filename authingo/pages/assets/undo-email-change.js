import { client } from "./page.js";
import { onSpend } from "./spending.js";

onSpend((values) => client.undoEmailChange(values));
