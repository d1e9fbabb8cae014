import Button from "@cloudscape-design/components/button";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState, type ReactNode } from "react";
import { go } from "../../parts/route";
import { Dialog } from "./Dialog";
import { remove, type Noun } from "./entities";

interface Props {
  noun: Noun;
  name: string;
  /** Where the list of its kind is. */
  list: string;
  actions?: ReactNode;
  children: ReactNode;
}

/** The page of one user, group or role. */
export function Page({ noun, name, list, actions, children }: Props) {
  const [asking, setAsking] = useState(false);
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              {actions}
              <Button onClick={() => setAsking(true)}>Delete</Button>
            </SpaceBetween>
          }
        >
          {name}
        </Header>
      }
    >
      <SpaceBetween size="l">{children}</SpaceBetween>
      {asking && (
        <Dialog title={`Delete ${name}?`} act="Delete" work={() => remove(noun, name)} close={() => setAsking(false)} done={() => go(list)}>
          {noun === "User" && "Its access keys, its password and its own policies go with it, and its sessions end."}
          {noun === "Group" && "Its members stay, and lose what it allows."}
          {noun === "Role" && "Its own policies go with it. What runs in its name loses its credentials."}
        </Dialog>
      )}
    </ContentLayout>
  );
}
