import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import { boto3Call } from "./python";

/** The call of boto3 that a form makes. */
export function Code({ service, operation, params }: { service: string; operation: string; params: Record<string, unknown> }) {
  const text = boto3Call(service, operation, params);
  const copy = <CopyToClipboard copyButtonText="Copy" copySuccessText="Copied" copyErrorText="Not copied" textToCopy={text} />;
  return (
    <ExpandableSection headerText="The boto3 call" headerActions={copy} variant="container" defaultExpanded>
      <pre className="code">{text}</pre>
    </ExpandableSection>
  );
}
