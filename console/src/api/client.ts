// How pages ask the server: AWS's operations by name, on behalf of who is signed in.

const BASE = "/_sagewright/console/";

export interface Session {
  user: string;
  arn: string;
  kind: "root" | "user" | "role";
  account: string;
  region: string;
  /** The default execution role's ARN. */
  role: string;
  version: string;
  proof: string;
}

/** What the server refused, in its own words. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

let current: Session | undefined;
let ended: () => void = () => undefined;

/** The default execution role's ARN, for calls that are shown; only where somebody is signed in. */
export function defaultRole(): string {
  return current?.role ?? "";
}

/** Call `then` when a request finds that the session is over. */
export function whenEnded(then: () => void): void {
  ended = then;
}

export async function session(): Promise<Session | undefined> {
  const answer = await fetch(`${BASE}session`);
  if (answer.status === 401) return undefined;
  if (!answer.ok) throw await refusal(answer);
  current = (await answer.json()) as Session;
  return current;
}

export async function signIn(user: string, password: string, newPassword?: string): Promise<void> {
  const body = JSON.stringify({ user, password, newPassword });
  const answer = await fetch(`${BASE}sign-in`, { method: "POST", headers: { "content-type": "application/json" }, body });
  if (!answer.ok) throw await refusal(answer);
}

/** The name of the company's identity provider; "" where there is none. */
export async function identityProvider(): Promise<string> {
  const answer = await fetch(`${BASE}sign-in`);
  return answer.ok ? (((await answer.json()) as { provider?: string }).provider ?? "") : "";
}

/** Where its sign-in begins. */
export const COMPANY_SIGN_IN = `${BASE}oidc/start`;

export async function signOut(): Promise<void> {
  await fetch(`${BASE}sign-out`, { method: "POST", headers: proof() });
  current = undefined;
}

export type Params = Record<string, unknown>;

/** The members of an operation's answer, named as boto3 names them. Throws a Refusal. */
export async function call<T>(service: string, operation: string, params: Params = {}): Promise<T> {
  const headers = { ...proof(), "content-type": "application/json" };
  const answer = await ask(service, operation, headers, JSON.stringify(params));
  return read<T>(answer);
}

/** Operations without anything to say answer with nothing. */
async function read<T>(answer: Response): Promise<T> {
  return JSON.parse((await answer.text()) || "{}") as T;
}

/** What the server runs with. Throws a Refusal for who may not see it. */
export async function serverSettings<T>(): Promise<T> {
  const answer = await fetch(`${BASE}settings`, { headers: proof() });
  if (answer.ok) return (await answer.json()) as T;
  if (answer.status === 401) ended();
  throw await refusal(answer);
}

/** An address, to be followed once, of Spark's history server over event logs in S3; it is asked until it serves. Throws a Refusal. */
export async function sparkHistory(uri: string): Promise<string> {
  const headers = { ...proof(), "content-type": "application/json" };
  for (;;) {
    const answer = await fetch(`${BASE}spark-history`, { method: "POST", headers, body: JSON.stringify({ S3Uri: uri }) });
    if (answer.status === 401) ended();
    if (!answer.ok) throw await refusal(answer);
    const { AuthorizedUrl: url } = (await answer.json()) as { AuthorizedUrl?: string };
    if (url) return url;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

export interface Payload {
  body: Blob;
  members: Params;
}

/** For operations whose answer is one blob: an object, a prediction. */
export async function fetchBlob(service: string, operation: string, params: Params, body?: BodyInit): Promise<Payload> {
  const headers: Record<string, string> = { ...proof(), "content-type": "application/json" };
  if (body !== undefined) headers["x-sagewright-members"] = encodeURIComponent(JSON.stringify(params));
  const answer = await ask(service, operation, headers, body ?? JSON.stringify(params));
  const members = JSON.parse(decodeURIComponent(answer.headers.get("x-sagewright-members") ?? "{}")) as Params;
  return { body: await answer.blob(), members };
}

/** An operation whose body is a file, which streams; `told` hears how many bytes are sent. The answer's members. */
export function send(service: string, operation: string, params: Params, body: Blob, told: (sent: number) => void, signal: AbortSignal): Promise<Params> {
  return new Promise((resolve, reject) => {
    // Browsers tell of an upload's progress here, and not to `fetch`.
    const request = new XMLHttpRequest();
    request.open("POST", `${BASE}api/${service}/${operation}`);
    const headers = { ...proof(), "content-type": "application/octet-stream", "x-sagewright-members": encodeURIComponent(JSON.stringify(params)) };
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded }) => told(loaded);
    request.onload = async () => {
      const answer = new Response(request.responseText, { status: request.status });
      if (request.status === 401) ended();
      if (answer.ok) resolve(await read(answer));
      else reject(await refusal(answer));
    };
    request.onerror = () => reject(new Error("The connection broke off."));
    request.onabort = () => reject(new Error("It was stopped."));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(body);
  });
}

/** Everything of a listing that comes in pages, up to `most` things. */
export async function all<T>(
  service: string,
  operation: string,
  member: string,
  params: Params = {},
  token: [sent: string, got: string] = ["NextToken", "NextToken"],
  most = 1000,
): Promise<T[]> {
  const found: T[] = [];
  let next: unknown;
  do {
    const page: Params = await call(service, operation, next === undefined ? params : { ...params, [token[0]]: next });
    found.push(...((page[member] as T[] | undefined) ?? []));
    next = page[token[1]];
  } while (next && found.length < most);
  return found;
}

function proof(): Record<string, string> {
  return { "x-sagewright-proof": current?.proof ?? "" };
}

async function ask(service: string, operation: string, headers: Record<string, string>, body: BodyInit): Promise<Response> {
  const answer = await fetch(`${BASE}api/${service}/${operation}`, { method: "POST", headers, body });
  if (answer.ok) return answer;
  if (answer.status === 401) ended();
  throw await refusal(answer);
}

async function refusal(answer: Response): Promise<Refusal> {
  try {
    const said = (await answer.json()) as Record<string, string>;
    return new Refusal(said["__type"] ?? "", said["message"] ?? said["Message"] ?? answer.statusText, answer.status);
  } catch {
    return new Refusal("", `The server answered ${answer.status}.`, answer.status);
  }
}
