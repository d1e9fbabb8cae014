import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";

const TYPES: Record<string, StatusIndicatorProps.Type> = {
  Completed: "success",
  InService: "success",
  Created: "success",
  Started: "success",
  Updated: "success",
  Active: "success",
  SUCCEEDED: "success",
  Failed: "error",
  OutOfService: "error",
  CreateFailed: "error",
  StartFailed: "error",
  UpdateFailed: "error",
  FAILED: "error",
  Blocked: "warning",
  UpdateRollbackFailed: "error",
  Stopped: "stopped",
  CANCELLED: "stopped",
  QUEUED: "pending",
  Stopping: "loading",
  Deleting: "loading",
};

/** A status of the API's; what is under way turns. */
export function Status({ value }: { value: string }) {
  return <StatusIndicator type={TYPES[value] ?? "in-progress"}>{value}</StatusIndicator>;
}
