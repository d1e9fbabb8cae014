import Box from "@cloudscape-design/components/box";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import type { ReactNode } from "react";
import { boto3Call } from "./python";

interface Props {
  title: string;
  /** What such a thing is for. */
  children: ReactNode;
  service?: string;
  operation: string;
  params: Record<string, unknown>;
}

/** What stands where nothing is yet: what it would be, and the call of boto3 that makes one. */
export function Teach({ title, children, service = "sagemaker", operation, params }: Props) {
  const text = boto3Call(service, operation, params);
  return (
    <div className="teach">
      <Box variant="strong">{title}</Box>
      <Box variant="p">{children}</Box>
      <pre className="code" tabIndex={0} aria-label="The boto3 call that makes one">
        {text}
      </pre>
      <CopyToClipboard copyButtonText="Copy" copySuccessText="Copied" copyErrorText="Not copied" textToCopy={text} />
    </div>
  );
}
