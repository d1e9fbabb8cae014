import Button from "@cloudscape-design/components/button";
import { to } from "./route";

/** The way to the form that makes one more; `given` is what it begins with, as `from=JOB`. */
export function Create({ what, page, given, primary = true }: { what: string; page: string; given?: Record<string, string>; primary?: boolean }) {
  const query = given === undefined ? "" : `?${new URLSearchParams(given).toString()}`;
  return (
    <Button variant={primary ? "primary" : "normal"} href={to(page) + query}>
      Create {what}
    </Button>
  );
}
