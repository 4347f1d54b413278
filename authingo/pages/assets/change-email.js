import { client } from "./page.js";
import { onProof } from "./proof.js";

onProof((proof) => client.changeEmail(proof), "change_email.done");
