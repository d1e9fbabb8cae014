// The call of boto3 that does the same, as one would write it.

export function literal(value: unknown, indent = 0): string {
  const [outer, inner] = [" ".repeat(indent), " ".repeat(indent + 4)];
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) {
    if (!value.length) return "[]";
    return `[\n${value.map((each) => `${inner}${literal(each, indent + 4)},\n`).join("")}${outer}]`;
  }
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  if (!entries.length) return "{}";
  return `{\n${entries.map(([name, each]) => `${inner}${JSON.stringify(name)}: ${literal(each, indent + 4)},\n`).join("")}${outer}}`;
}

/** `service` and `operation` as the API names them: sagemaker, CreateTrainingJob. */
export function boto3Call(service: string, operation: string, params: Record<string, unknown>): string {
  return `import boto3\n\n${said(`boto3.client("${service}")`, operation, params)}`;
}

/** Several, one after the other; each service's client is made once. */
export function boto3Calls(calls: { service: string; operation: string; params: Record<string, unknown> }[]): string {
  const [first] = calls;
  if (calls.length === 1) return boto3Call(first!.service, first!.operation, first!.params);
  const clients = [...new Set(calls.map(({ service }) => service))].map((each) => `${each} = boto3.client("${each}")\n`);
  return `import boto3\n\n${clients.join("")}${calls.map(({ service, operation, params }) => said(service, operation, params)).join("")}`;
}

function said(client: string, operation: string, params: Record<string, unknown>): string {
  const method = operation.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toLowerCase();
  const given = Object.entries(params).filter(([, each]) => each !== undefined);
  const lines = given.map(([name, each]) => `    ${name}=${literal(each, 4)},\n`).join("");
  return `${client}.${method}(${lines ? `\n${lines}` : ""})\n`;
}
