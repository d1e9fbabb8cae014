import Box from "@cloudscape-design/components/box";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { all, Refusal } from "../api/client";
import { Failure } from "./Failure";
import { Log } from "./Log";
import { useLoaded } from "./useLoaded";
import { useTurns } from "./useTurns";

export interface Stream {
  logStreamName: string;
  creationTime: number;
}

const LOOK_S = 2;
const REST_S = 15;

/** The log streams of a group whose names begin with `prefix`, one of them shown; new ones are found while it is `live`. */
export function Streams({ group, prefix, live }: { group: string; prefix: string; live: boolean }) {
  const [some, setSome] = useState(false);
  const turn = useTurns(some ? REST_S : LOOK_S, live);
  const loaded = useLoaded(
    async () => {
      const names = (await streams(group, prefix)).map((each) => each.logStreamName);
      setSome(names.length > 0);
      return names;
    },
    [group, prefix, live, turn],
  );
  const [chosen, setChosen] = useState<string>();
  if (loaded.error && !loaded.value) return <Failure error={loaded.error} again={loaded.again} />;
  if (!loaded.value) return <Box color="text-status-inactive">Loading</Box>;
  const stream = chosen ?? loaded.value[0];
  if (stream === undefined) return <Box color="text-status-inactive">{live ? "Nothing was printed yet." : "Nothing was printed."}</Box>;
  const option = (value: string) => ({ value, label: value.slice(prefix.length) });
  return (
    <SpaceBetween size="s">
      {loaded.value.length > 1 && (
        <Select
          selectedOption={option(stream)}
          options={loaded.value.map(option)}
          onChange={({ detail }) => setChosen(detail.selectedOption.value)}
          ariaLabel="Log stream"
        />
      )}
      <Log group={group} stream={stream} live={live} />
    </SpaceBetween>
  );
}

/** The streams; none where the group itself is not there yet. */
export async function streams(group: string, prefix: string): Promise<Stream[]> {
  const params = { logGroupName: group, ...(prefix && { logStreamNamePrefix: prefix }) };
  try {
    return await all<Stream>("logs", "DescribeLogStreams", "logStreams", params, ["nextToken", "nextToken"]);
  } catch (error) {
    if (error instanceof Refusal && error.code === "ResourceNotFoundException") return [];
    throw error;
  }
}
