import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import { boto3Calls } from "./python";

interface Call {
  service: string;
  operation: string;
  params: Record<string, unknown>;
}

/** The calls of boto3 that a form makes. */
export function Calls({ calls }: { calls: Call[] }) {
  const text = boto3Calls(calls);
  const copy = <CopyToClipboard copyButtonText="Copy" copySuccessText="Copied" copyErrorText="Not copied" textToCopy={text} />;
  return (
    <ExpandableSection headerText={calls.length > 1 ? "The boto3 calls" : "The boto3 call"} headerActions={copy} variant="container" defaultExpanded>
      <pre className="code" tabIndex={0} aria-label="Python">
        {text}
      </pre>
    </ExpandableSection>
  );
}
