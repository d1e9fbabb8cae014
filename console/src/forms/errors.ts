// Where in a form the server's words belong.

/** `productionVariants.1.member.modelName` and `ProductionVariants.1.ModelName` are the same place. */
function place(path: string): string {
  return path.replaceAll(".member", "").toLowerCase();
}

const ONE = /Value (.*?) ?at '([^']+)' failed to satisfy constraint: (.*?)(?=; Value |$)/gs;

/** What of `message` is about which member, by the member's place; nothing where it names none. */
function constraints(message: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, value, path, constraint] of message.matchAll(ONE)) {
    // What is not there, and what is there and empty, is said the same way.
    const said = value === "null" || value === "''" ? "Fill this in." : `${constraint!.trim()}.`;
    found.set(place(path!), shortened(said.replace(/^Member must/, "It must").replace(/\.\.$/, ".")));
  }
  return found;
}

const SHOWN = 6;

/** Some of a long set of values is enough to see what is meant. */
function shortened(said: string): string {
  return said.replace(/satisfy enum value set: \[(.*)\]/, (_, set: string) => {
    const values = set.split(", ");
    return `be one of ${values.slice(0, SHOWN).join(", ")}${values.length > SHOWN ? `, … (${values.length} in all)` : ""}`;
  });
}

/** A field: the member that it fills, and its value as it was sent. */
export interface Sent {
  member: string;
  value: string;
}

/** By member, what is wrong with it. */
export type FieldErrors = Record<string, string>;

/**
 * Shares out what the server said among fields: by the member that it names, else to the only field whose value it
 * repeats. `rest` is what belongs to none.
 */
export function shareOut(message: string, fields: Sent[]): { errors: FieldErrors; rest: string } {
  const errors: FieldErrors = {};
  const rest: string[] = [];
  const named = constraints(message);
  for (const [path, said] of named) {
    const inside = fields.filter(({ member }) => within(path, place(member)));
    const field = inside.sort((a, b) => b.member.length - a.member.length)[0];
    if (field) errors[field.member] = said;
    else rest.push(`${path}: ${said}`);
  }
  if (named.size) return { errors, rest: rest.join(" ") };
  const told = fields.filter(({ value }) => value.length > 2 && message.includes(value)).sort((a, b) => b.value.length - a.value.length);
  const [first, second] = told;
  if (first && (!second || second.value.length < first.value.length)) return { errors: { [first.member]: message }, rest: "" };
  return { errors, rest: message };
}

/** Whether what is wrong at `path` is wrong in the field at `field`: the same place, or inside it, or around it. */
function within(path: string, field: string): boolean {
  return path === field || path.startsWith(`${field}.`) || field.startsWith(`${path}.`);
}
