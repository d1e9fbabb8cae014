// The kinds of fields that forms have. Each names the member of the request that it fills.

import AttributeEditor from "@cloudscape-design/components/attribute-editor";
import Autosuggest from "@cloudscape-design/components/autosuggest";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import Textarea from "@cloudscape-design/components/textarea";
import Toggle from "@cloudscape-design/components/toggle";
import type { Fields } from "./form";

type Keys<F, V> = { [K in keyof F]: F[K] extends V ? K : never }[keyof F] & string;

interface Common<F, V> {
  of: Fields<F>;
  name: Keys<F, V>;
  label: string;
  /** The member of the request, as `ResourceConfig.InstanceType`. */
  member: string;
  description?: string;
}

function change<F, V>(of: Fields<F>, name: keyof F, value: V): void {
  of.set({ [name]: value } as unknown as Partial<F>);
}

export function Text<F>({ of, name, label, member, description, rows, placeholder }: Common<F, string> & { rows?: number; placeholder?: string }) {
  const value = of.values[name] as string;
  return (
    <FormField label={label} description={description} errorText={of.error(member, value)} stretch>
      {rows ? (
        <Textarea value={value} rows={rows} placeholder={placeholder} spellcheck={false} onChange={({ detail }) => change(of, name, detail.value)} />
      ) : (
        <Input value={value} placeholder={placeholder} spellcheck={false} onChange={({ detail }) => change(of, name, detail.value)} />
      )}
    </FormField>
  );
}

/** A text for which some values are at hand. */
export function Suggest<F>({ of, name, label, member, description, options, onChosen }: Common<F, string> & { options: string[]; onChosen?: (value: string) => void }) {
  const value = of.values[name] as string;
  return (
    <FormField label={label} description={description} errorText={of.error(member, value)} stretch>
      <Autosuggest
        value={value}
        options={options.map((each) => ({ value: each }))}
        empty="Nothing at hand: type it."
        enteredTextLabel={(typed) => `Use ${typed}`}
        // What is there is no search: all stay to be chosen until something else is typed.
        filteringType={options.includes(value) ? "manual" : "auto"}
        onChange={({ detail }) => change(of, name, detail.value)}
        onSelect={({ detail }) => onChosen?.(detail.value)}
      />
    </FormField>
  );
}

/** One of the values that the API knows. */
export function Choice<F>({ of, name, label, member, description, options }: Common<F, string> & { options: { value: string; label?: string }[] }) {
  const value = of.values[name] as string;
  return (
    <FormField label={label} description={description} errorText={of.error(member, value)} stretch>
      <Select
        selectedOption={options.find((each) => each.value === value) ?? null}
        options={options}
        onChange={({ detail }) => change(of, name, detail.selectedOption.value!)}
      />
    </FormField>
  );
}

export function Switch<F>({ of, name, label, description }: Omit<Common<F, boolean>, "member">) {
  return (
    <Toggle checked={of.values[name] as boolean} description={description} onChange={({ detail }) => change(of, name, detail.checked)}>
      {label}
    </Toggle>
  );
}

type Row = Record<string, string>;

export interface Column {
  key: string;
  label: string;
  /** The member within one of the list's. */
  member: string;
  /** Values to choose from; others may be typed too where `free`. */
  options?: string[];
  free?: boolean;
  /** How wide, beside the others; 2 unless it is said. */
  width?: number;
}

interface RowsProps<F> {
  of: Fields<F>;
  name: Keys<F, Row[]>;
  /** The list in the request. */
  member: string;
  columns: Column[];
  fresh: Row;
  add: string;
  empty?: string;
}

/** A list of things with a field or more each. */
export function Rows<F>({ of, name, member, columns, fresh, add, empty = "None." }: RowsProps<F>) {
  const rows = of.values[name] as Row[];
  const replace = (index: number, key: string, value: string) =>
    change(of, name, rows.map((each, at) => (at === index ? { ...each, [key]: value } : each)));
  return (
    <AttributeEditor
      items={rows}
      onAddButtonClick={() => change(of, name, [...rows, fresh])}
      onRemoveButtonClick={({ detail }) => change(of, name, rows.filter((_, index) => index !== detail.itemIndex))}
      addButtonText={add}
      removeButtonText="Remove"
      removeButtonAriaLabel={() => "Remove"}
      empty={empty}
      gridLayout={[
        { breakpoint: "xs", rows: [columns.map(({ width = 2 }) => width)], removeButton: { width: "auto" } },
        { rows: columns.map(() => [1]) },
      ]}
      definition={columns.map(({ key, label, member: part, options, free }) => ({
        label,
        errorText: (row: Row, index: number) => of.error(`${member}.${index + 1}.${part}`, row[key] ?? ""),
        control: (row: Row, index: number) => {
          const common = { ariaLabel: `${label} ${index + 1}`, value: row[key] ?? "" };
          if (!options) return <Input {...common} spellcheck={false} onChange={({ detail }) => replace(index, key, detail.value)} />;
          if (free)
            return (
              <Autosuggest
                {...common}
                ariaLabelledby=""
                options={options.map((value) => ({ value }))}
                empty="Nothing at hand: type it."
                filteringType={options.includes(row[key] ?? "") ? "manual" : "auto"}
                enteredTextLabel={(typed) => `Use ${typed}`}
                onChange={({ detail }) => replace(index, key, detail.value)}
              />
            );
          return (
            <Select
              ariaLabel={common.ariaLabel}
              ariaLabelledby=""
              selectedOption={{ value: common.value }}
              options={options.map((value) => ({ value }))}
              onChange={({ detail }) => replace(index, key, detail.selectedOption.value!)}
            />
          );
        },
      }))}
    />
  );
}

export interface Pair extends Row {
  name: string;
  value: string;
}

export const FRESH_PAIR: Pair = { name: "", value: "" };

/** Names and values; `member` is a map of the request. */
export function NamedValues<F>({ of, name, member, add }: { of: Fields<F>; name: Keys<F, Row[]>; member: string; add: string }) {
  const columns = [
    { key: "name", label: "Name", member: "key" },
    { key: "value", label: "Value", member: "value" },
  ];
  return <Rows of={of} name={name} member={member} add={add} fresh={FRESH_PAIR} columns={columns} />;
}

/** As a map of the request; undefined where there are none. */
export function mapOf(pairs: Row[]): Record<string, string> | undefined {
  return pairs.length ? Object.fromEntries(pairs.map(({ name, value }) => [name, value])) : undefined;
}

export function pairsOf(map: Record<string, string> = {}): Pair[] {
  return Object.entries(map).map(([name, value]) => ({ name, value }));
}
