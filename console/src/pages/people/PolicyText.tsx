import FormField from "@cloudscape-design/components/form-field";
import Textarea from "@cloudscape-design/components/textarea";

export const NEW_POLICY = JSON.stringify(
  { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: ["sagemaker:List*", "sagemaker:Describe*"], Resource: "*" }] },
  null,
  2,
);

/** What is wrong with a text that should be JSON; "" for nothing. */
export function fault(text: string): string {
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

/** A policy's document to write. */
export function PolicyText({ label, text, change, description }: { label: string; text: string; change: (text: string) => void; description?: string }) {
  return (
    <FormField label={label} description={description} errorText={fault(text)} stretch>
      <div className="policy">
        <Textarea value={text} rows={Math.min(20, Math.max(8, text.split("\n").length + 1))} spellcheck={false} onChange={({ detail }) => change(detail.value)} />
      </div>
    </FormField>
  );
}
