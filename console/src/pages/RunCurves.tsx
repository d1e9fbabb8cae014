import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import { useMemo } from "react";
import { Chart } from "../parts/Chart";
import { Failure } from "../parts/Failure";
import { useLoaded } from "../parts/useLoaded";
import { useTurns } from "../parts/useTurns";
import { curves, type Run } from "./runs";

const LOOK_S = 10;

/** A chart for each metric, a curve for each run; those of runs that are under way go on. */
export function RunCurves({ runs }: { runs: Run[] }) {
  const live = runs.some((run) => run.Status?.PrimaryStatus === "InProgress");
  const turn = useTurns(LOOK_S, live);
  const loaded = useLoaded(() => curves(runs), [runs, turn]);
  const shown = useMemo(() => loaded.value ?? [], [loaded.value]);
  if (loaded.error && !loaded.value) return <Failure error={loaded.error} again={loaded.again} />;
  if (!loaded.value) return <Box color="text-status-inactive">Loading</Box>;
  if (!shown.length)
    return <Box color="text-status-inactive">No metrics were logged. run.log_metric("loss", 0.5, step=1) of the SDK logs one, and so do metric definitions of training jobs.</Box>;
  return (
    <div className="charts">
      {shown.map((each) => (
        <Container key={`${each.metric} ${each.steps}`} header={<Header variant="h3" description={each.steps ? "By step" : "By seconds since its first value"}>{each.metric}</Header>}>
          <Chart series={each.series} time={false} across={each.steps ? "Step" : "Seconds"} label={each.metric} />
        </Container>
      ))}
    </div>
  );
}
