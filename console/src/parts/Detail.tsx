import Alert from "@cloudscape-design/components/alert";
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useState, type ReactNode } from "react";
import { call, type Params } from "../api/client";
import { Failure } from "./Failure";
import { to } from "./route";
import type { Loaded } from "./useLoaded";

interface Props<T> {
  name: string;
  /** The list that it is in: its title, and its part of the path. */
  among: [title: string, path: string];
  loaded: Loaded<T>;
  failed?: (value: T) => string | undefined;
  actions?: (value: T) => ReactNode;
  children: (value: T) => ReactNode;
}

/** The page of one thing: where one is, what one may do with it, why it failed, and all else. */
export function Detail<T>({ name, among, loaded, failed, actions, children }: Props<T>) {
  const where = <BreadcrumbGroup items={[{ text: among[0], href: to(among[1]) }, { text: name, href: to(among[1], name) }]} ariaLabel="Where you are" />;
  const value = loaded.value;
  if (value === undefined)
    return (
      <SpaceBetween size="s">
        {where}
        {loaded.error ? <Failure error={loaded.error} again={loaded.again} /> : <Spinner size="large" />}
      </SpaceBetween>
    );
  const reason = failed?.(value);
  return (
    <SpaceBetween size="s">
      {where}
      <ContentLayout
        header={
          <Header variant="h1" actions={actions && <div className="actions">{actions(value)}</div>}>
            <span className="name">{name}</span>
          </Header>
        }
      >
        <div className="stack">
          {loaded.error && <Failure error={loaded.error} again={loaded.again} />}
          {reason && (
            <Alert type="error" header="Why it failed">
              <span className="name" style={{ whiteSpace: "pre-wrap" }}>{reason}</span>
            </Alert>
          )}
          {children(value)}
        </div>
      </ContentLayout>
    </SpaceBetween>
  );
}

/** An operation that a button starts: what went wrong is kept to be shown, and what is under way. */
export function useAct() {
  const [error, setError] = useState<Error>();
  const [busy, setBusy] = useState(false);
  async function act(service: string, operation: string, params: Params): Promise<void> {
    setBusy(true);
    setError(undefined);
    await call(service, operation, params).catch(setError);
    setBusy(false);
  }
  /** Opens an address that holds once, so it is asked for when it is followed. */
  async function open(operation: string, params: Params): Promise<void> {
    await follow(async () => (await call<{ AuthorizedUrl: string }>("sagemaker", operation, params)).AuthorizedUrl);
  }
  /** Opens whatever address is given, which may take a while. */
  async function follow(address: () => Promise<string>): Promise<void> {
    const tab = window.open("about:blank");
    if (tab) tab.document.body.textContent = "It starts…";
    setBusy(true);
    setError(undefined);
    try {
      const url = await address();
      if (tab) tab.opener = null;
      if (tab) tab.location.href = url;
    } catch (failed) {
      tab?.close();
      setError(failed as Error);
    }
    setBusy(false);
  }
  return { act, open, follow, busy, error };
}
