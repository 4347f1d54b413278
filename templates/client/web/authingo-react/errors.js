export function failed(code, message, status = 0) {
    return { data: null, error: { code, message, status } };
}
/** Read an answer of authingo's; its body has to hold one of the `keys` to be one. */
export async function readAnswer(answer, ...keys) {
    const body = parse(await answer.text());
    if (answer.ok && keys.some((key) => body?.[key] != null))
        return { data: body, error: null };
    if (answer.ok || typeof body?.["code"] !== "string") {
        return failed("bad_response", "The answer is not one of the authentication server.", answer.status);
    }
    const { code, message, fields, methods } = body;
    const error = { code, message, status: answer.status };
    if (fields)
        error.fields = fields;
    if (methods)
        error.methods = methods;
    const seconds = answer.headers.get("Retry-After") ?? "";
    if (/^\d+$/.test(seconds))
        error.retryAfter = Number(seconds);
    return { data: null, error };
}
/** The code of a 401 that still has to be handed on unread. */
export async function codeOf(answer) {
    return answer.status === 401 ? parse(await answer.clone().text())?.["code"] : undefined;
}
/** How the user can prove who they are, if that is what this answer asks for. */
export async function methodsOf(answer) {
    if (answer.status !== 403)
        return;
    const body = parse(await answer.clone().text());
    return body?.["code"] === "reauthentication_required"
        ? (body["methods"] ?? [])
        : undefined;
}
function parse(text) {
    try {
        return JSON.parse(text);
    }
    catch {
        return null;
    }
}
