// Requests to the API. Every failure becomes a `Failure` with a named reason.

export class Failure extends Error {
  constructor(reason, detail, status = 0) {
    super(detail);
    this.reason = reason;
    this.status = status;
  }
}

const PATIENCE_MS = 10_000;

/** Ask the API; `body` is sent as JSON. Goes to the sign-in page when the session is over. */
export async function call(path, { method = "GET", body, signIn = true } = {}) {
  const headers = { "X-Mingluo": "1", Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(`/api/v1${path}`, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch (error) {
    throw new Failure("no_answer", String(error));
  }
  if (answer.status === 401 && signIn) toSignIn();
  if (answer.status === 204) return null;
  const content = await answer.json().catch(() => ({}));
  // A process that is down says so with 503 and a health report, which is an answer.
  if (!answer.ok && !("components" in content)) {
    throw new Failure(content.reason ?? "no_answer", content.detail ?? answer.statusText, answer.status);
  }
  return content;
}

export function toSignIn() {
  location.replace("/sign-in");
}
