import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Toggle from "@cloudscape-design/components/toggle";
import { useState } from "react";
import { all, call } from "../api/client";
import { Calls } from "../parts/Code";
import { Listing } from "../parts/Listing";
import { useLoaded } from "../parts/useLoaded";
import { Dialog } from "./people/Dialog";

interface Quota {
  QuotaName: string;
  QuotaCode: string;
  Value: number;
  Adjustable: boolean;
}

/** From so many on it is none: what the server says where nothing was set. */
const UNLIMITED = 1_000_000;

/** How many instances may be in use at once. The owner of the server sets it; what others ask for waits for that. */
export function Quotas({ owner }: { owner: boolean }) {
  const [everything, setEverything] = useState(false);
  const [asking, setAsking] = useState<{ quota: Quota; value: string }>();
  const loaded = useLoaded(() => all<Quota>("service-quotas", "ListServiceQuotas", "Quotas", { ServiceCode: "sagemaker" }, undefined, 5000), []);
  const shown = { ...loaded, value: loaded.value?.filter((each) => everything || each.Value < UNLIMITED) };
  const params = asking && { ServiceCode: "sagemaker", QuotaCode: asking.quota.QuotaCode, DesiredValue: Number(asking.value) };
  return (
    <>
      <Listing
        title="Quotas"
        description="How many instances of a type may be in use at once."
        loaded={shown}
        id={(each) => each.QuotaCode}
        actions={
          <Toggle checked={everything} onChange={({ detail }) => setEverything(detail.checked)}>
            Those without a limit too
          </Toggle>
        }
        teach={<Box>No quota is set: as many instances run as there is room for. The owner limits a type among those without a limit.</Box>}
        columns={[
          { id: "name", header: "Quota", isRowHeader: true, cell: (each) => each.QuotaName, sortingField: "QuotaName" },
          { id: "value", header: "At once", cell: (each) => (each.Value < UNLIMITED ? each.Value : "No limit"), sortingField: "Value" },
          {
            id: "ask",
            header: "",
            cell: (each) => (
              <Button variant="inline-link" ariaLabel={`Change ${each.QuotaName}`} onClick={() => setAsking({ quota: each, value: "" })}>
                {owner ? "Change" : "Ask for more"}
              </Button>
            ),
          },
        ]}
      />
      {asking && params && (
        <Dialog
          title={asking.quota.QuotaName}
          act={owner ? "Change" : "Ask"}
          disabled={asking.value === "" || !(owner || params.DesiredValue > asking.quota.Value)}
          work={() => call("service-quotas", "RequestServiceQuotaIncrease", params)}
          close={() => setAsking(undefined)}
          done={loaded.again}
        >
          <FormField label="At once" description={owner ? "It holds from now on. What runs goes on." : "The owner of this server grants it."}>
            <Input type="number" value={asking.value} onChange={({ detail }) => setAsking({ ...asking, value: detail.value })} />
          </FormField>
          <Calls calls={[{ service: "service-quotas", operation: "RequestServiceQuotaIncrease", params }]} />
        </Dialog>
      )}
    </>
  );
}
