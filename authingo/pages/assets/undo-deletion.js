import { token } from "./fragment.js";
import { client, $, onSubmit, show } from "./page.js";

onSubmit("form", async (values) => {
  const result = await client.undoDeletion({ token, ...values });
  if (result.data) {
    $("form").reset();
    show("done");
  } else if (result.error.code === "invalid_token") {
    show("over");
    return;
  }
  return result;
});

if (!token) show("over");
