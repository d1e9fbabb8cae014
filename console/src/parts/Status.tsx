import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";

const TYPES: Record<string, StatusIndicatorProps.Type> = {
  Completed: "success",
  InService: "success",
  Failed: "error",
  OutOfService: "error",
  UpdateRollbackFailed: "error",
  Stopped: "stopped",
  Stopping: "loading",
  Deleting: "loading",
};

/** A status of the API's; what is under way turns. */
export function Status({ value }: { value: string }) {
  return <StatusIndicator type={TYPES[value] ?? "in-progress"}>{value}</StatusIndicator>;
}
