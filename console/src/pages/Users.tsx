import Box from "@cloudscape-design/components/box";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { all } from "../api/client";
import { moment, type Time } from "../parts/format";
import { Listing } from "../parts/Listing";
import { useLoaded } from "../parts/useLoaded";

interface Entity {
  Arn: string;
  CreateDate: Time;
}
interface User extends Entity {
  UserName: string;
}
interface Role extends Entity {
  RoleName: string;
  Description?: string;
}

const TOKEN: [string, string] = ["Marker", "Marker"];

export function Users() {
  const users = useLoaded(() => all<User>("iam", "ListUsers", "Users", {}, TOKEN), []);
  const roles = useLoaded(() => all<Role>("iam", "ListRoles", "Roles", {}, TOKEN), []);
  return (
    <SpaceBetween size="xl">
      <Listing
        title="Users"
        loaded={users}
        id={(each) => each.UserName}
        teach={<Box>There are no users yet: sagewright users add NAME makes one who may sign in here.</Box>}
        columns={[
          { id: "name", header: "Name", cell: (each) => each.UserName, isRowHeader: true, sortingField: "UserName" },
          { id: "arn", header: "ARN", cell: (each) => each.Arn },
          { id: "created", header: "Created", cell: (each) => moment(each.CreateDate) },
        ]}
      />
      <Listing
        title="Roles"
        loaded={roles}
        id={(each) => each.RoleName}
        teach={<Box>There are no roles.</Box>}
        columns={[
          { id: "name", header: "Name", cell: (each) => each.RoleName, isRowHeader: true, sortingField: "RoleName" },
          { id: "arn", header: "ARN", cell: (each) => each.Arn },
          { id: "what", header: "Description", cell: (each) => each.Description ?? "–" },
        ]}
      />
    </SpaceBetween>
  );
}
