import Link from "@cloudscape-design/components/link";
import { s3Parts } from "./format";
import { to } from "./route";

/** An address in S3, as the way to its folder in the browser of S3. What is `whole` is a folder itself. */
export function S3Link({ uri, whole = false }: { uri: string; whole?: boolean }) {
  const [bucket, key] = s3Parts(whole && !uri.endsWith("/") ? `${uri}/` : uri);
  return <Link href={to("s3", bucket, key.slice(0, key.lastIndexOf("/") + 1))}>{uri}</Link>;
}
