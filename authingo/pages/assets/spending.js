// A link whose token is spent by one form: what the server says shows one of three cards.

import { token } from "./fragment.js";
import { $, onSubmit, show } from "./page.js";

export function onSpend(spend) {
  onSubmit("form", async (values) => {
    const result = await spend({ token, ...values });
    if (result.error?.code === "invalid_token") {
      show("over");
      return;
    }
    if (result.data) {
      $("form").reset();
      show("done");
    }
    return result;
  });
  if (!token) show("over");
}
