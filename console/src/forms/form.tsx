// A form that creates something: its state, its page, and how its calls are made.

import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import CloudscapeForm from "@cloudscape-design/components/form";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useEffect, useMemo, useRef, useState, type FormEvent, type ReactNode } from "react";
import { call, type Params } from "../api/client";
import { Calls } from "../parts/Code";
import { Failure } from "../parts/Failure";
import { go, to } from "../parts/route";
import { shareOut, type FieldErrors, type Sent } from "./errors";

/** One call that a form makes, as the API names it. */
export interface Call {
  service: string;
  operation: string;
  params: Params;
}

/** The fields of a form while it is filled in. */
export interface Fields<F> {
  values: F;
  set: (change: Partial<F>) => void;
  /** What is wrong with a member of the request; fields announce themselves by asking. */
  error: (member: string, value: string) => string;
}

interface Props<F> {
  title: string;
  /** The list that what is created comes into: a part of the path. */
  list: string;
  /** The fields to begin with. */
  begin: () => Promise<F>;
  calls: (values: F) => Call[];
  /** Where to go when it is done. */
  then: (values: F) => string[];
  children: (fields: Fields<F>) => ReactNode;
}

/** A page with the form, the boto3 calls that it makes, and what the server says against them, next to each field. */
export function CreateForm<F>({ title, list, begin, calls, then, children }: Props<F>) {
  const [values, setValues] = useState<F>();
  const [broken, setBroken] = useState<Error>();
  const [errors, setErrors] = useState<FieldErrors>({});
  const [rest, setRest] = useState("");
  const [busy, setBusy] = useState(false);
  const done = useRef(new Set<string>());
  const shown = useRef(new Map<string, Sent>());
  const place = useRef<HTMLFormElement>(null);
  useEffect(() => {
    begin().then(setValues, setBroken);
  }, []);
  const wanted = useMemo(() => (values === undefined ? [] : calls(values)), [values]);
  useEffect(() => {
    if (Object.keys(errors).length) place.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [errors]);
  if (broken) return <Failure error={broken} />;
  if (values === undefined) return <Spinner size="large" />;
  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setErrors({});
    setRest("");
    try {
      for (const { service, operation, params } of wanted) {
        // Tried again after a later call failed: what was made stays made.
        const which = JSON.stringify([service, operation, params]);
        if (!done.current.has(which)) await call(service, operation, params);
        done.current.add(which);
      }
      go(...then(values!));
    } catch (failed) {
      const told = shareOut((failed as Error).message, [...shown.current.values()]);
      setErrors(told.errors);
      setRest(told.rest);
      setBusy(false);
    }
  }
  shown.current = new Map();
  const fields: Fields<F> = {
    values,
    set: (change) => setValues((before) => ({ ...before!, ...change })),
    error(member, value) {
      shown.current.set(member, { member, value });
      return errors[member] ?? "";
    },
  };
  const wrong = Object.keys(errors).length;
  return (
    <ContentLayout header={<Header variant="h1">{title}</Header>}>
      <form ref={place} onSubmit={(event) => void submit(event)} noValidate>
        <CloudscapeForm
          errorText={rest || (wrong ? "See what is said at the fields." : "")}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button formAction="none" variant="link" href={to(list)}>
                Cancel
              </Button>
              <Button variant="primary" loading={busy}>
                Create
              </Button>
            </SpaceBetween>
          }
        >
          <SpaceBetween size="l">
            {children(fields)}
            <Calls calls={wanted} />
          </SpaceBetween>
        </CloudscapeForm>
      </form>
    </ContentLayout>
  );
}

/** What a form consists of. */
export function Sections({ children }: { children: ReactNode }) {
  return <SpaceBetween size="l">{children}</SpaceBetween>;
}

/** Fields of a section that are there or not there together. */
export function Together({ children }: { children: ReactNode }) {
  return <SpaceBetween size="m">{children}</SpaceBetween>;
}

/** Fields about one thing. */
export function Section({ title, description, children }: { title: string; description?: string; children: ReactNode }) {
  return (
    <Container
      header={
        <Header variant="h2" description={description}>
          {title}
        </Header>
      }
    >
      <SpaceBetween size="m">{children}</SpaceBetween>
    </Container>
  );
}

/** Said in a form where something that it needs is not there yet. */
export function Needed({ children }: { children: ReactNode }) {
  return <Alert type="info">{children}</Alert>;
}

/** A name that no other has: what it is, and when it was thought of. */
export function fresh(stem: string): string {
  return `${stem}-${new Date().toISOString().replace(/\D/g, "").slice(0, 14)}`;
}

/** Undefined for what is left empty, so that it is not sent. */
export function given(text: string): string | undefined {
  return text.trim() === "" ? undefined : text.trim();
}

/** A number for what is one; what else was typed is sent as it is, for the server to refuse. */
export function number(text: string): unknown {
  const value = Number(text);
  return given(text) === undefined ? undefined : Number.isNaN(value) ? text : value;
}
