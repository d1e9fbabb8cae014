import Button from "@cloudscape-design/components/button";
import { to } from "./route";

/** The way to the form that makes one more; `from` is what it begins with. */
export function Create({ what, page, from, primary = true }: { what: string; page: string; from?: string; primary?: boolean }) {
  const query = from === undefined ? "" : `?from=${encodeURIComponent(from)}`;
  return (
    <Button variant={primary ? "primary" : "normal"} href={to(page) + query}>
      Create {what}
    </Button>
  );
}
