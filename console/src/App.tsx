import AppLayout from "@cloudscape-design/components/app-layout";
import SideNavigation, { type SideNavigationProps } from "@cloudscape-design/components/side-navigation";
import TopNavigation from "@cloudscape-design/components/top-navigation";
import Spinner from "@cloudscape-design/components/spinner";
import { Suspense, useEffect, useState } from "react";
import { session, signOut, whenEnded, type Session } from "./api/client";
import { stopFollowing } from "./api/live";
import { PAGES } from "./pages/table";
import { SignIn } from "./pages/SignIn";
import { Boundary } from "./parts/Boundary";
import { Failure } from "./parts/Failure";
import { to, useRoute } from "./parts/route";
import { setScheme, type Scheme } from "./parts/scheme";

const LINKS: SideNavigationProps.Item[] = [
  { type: "link", text: "Overview", href: "#/" },
  {
    type: "section",
    text: "Build",
    items: [
      { type: "link", text: "Notebooks", href: to("notebooks") },
      { type: "link", text: "Lifecycle configurations", href: to("lifecycle-configs") },
      { type: "link", text: "Code repositories", href: to("code-repositories") },
      { type: "link", text: "Processing jobs", href: to("processing-jobs") },
      { type: "link", text: "Training jobs", href: to("training-jobs") },
      { type: "link", text: "Tuning jobs", href: to("tuning-jobs") },
      { type: "link", text: "Experiments", href: to("experiments") },
      { type: "link", text: "MLflow", href: to("mlflow") },
    ],
  },
  {
    type: "section",
    text: "Deploy",
    items: [
      { type: "link", text: "Endpoints", href: to("endpoints") },
      { type: "link", text: "Batch transform", href: to("transform-jobs") },
      { type: "link", text: "Models", href: to("models") },
    ],
  },
  {
    type: "section",
    text: "Data and logs",
    items: [
      { type: "link", text: "S3", href: to("s3") },
      { type: "link", text: "Feature groups", href: to("feature-groups") },
      { type: "link", text: "Athena", href: to("athena") },
      { type: "link", text: "Logs", href: to("logs") },
      { type: "link", text: "Metrics", href: to("metrics") },
    ],
  },
  {
    type: "section",
    text: "Account",
    items: [
      { type: "link", text: "Users", href: to("users") },
      { type: "link", text: "Groups", href: to("groups") },
      { type: "link", text: "Roles", href: to("roles") },
      { type: "link", text: "Policies", href: to("policies") },
      { type: "link", text: "Policy simulator", href: to("simulator") },
      { type: "link", text: "Cost", href: to("cost") },
      { type: "link", text: "Settings", href: to("settings") },
    ],
  },
];

/** Pages that a link of another one stands for. */
const BELOW: Record<string, string> = { runs: "experiments", compare: "experiments" };

export function App() {
  const [visit, setVisit] = useState<Session | "nobody" | Error>();
  const load = () => session().then((found) => setVisit(found ?? "nobody"), setVisit);
  useEffect(() => {
    whenEnded(() => {
      stopFollowing();
      setVisit("nobody");
    });
    void load();
  }, []);
  if (visit === undefined) return <Spinner size="large" />;
  if (visit instanceof Error) return <Failure error={visit} again={() => void load()} />;
  if (visit === "nobody") return <SignIn then={() => void load()} />;
  return <Shell visit={visit} leave={() => setVisit("nobody")} />;
}

function Shell({ visit, leave }: { visit: Session; leave: () => void }) {
  const route = useRoute();
  const [open, setOpen] = useState(() => innerWidth > 900);
  const section = route.path[0] ?? "";
  const page = PAGES[section];
  useEffect(() => {
    document.title = ["Sagewright", ...route.path].reverse().join(" – ");
  }, [route]);
  async function chosen(id: string): Promise<void> {
    if (id === "profile") return; // a link
    if (id !== "sign-out") return setScheme(id as Scheme);
    stopFollowing();
    await signOut();
    leave();
  }
  return (
    <>
      <div id="top">
        <TopNavigation
          identity={{ href: "#/", title: "Sagewright" }}
          utilities={[
            {
              type: "menu-dropdown",
              text: visit.user,
              description: `${visit.account} in ${visit.region}`,
              iconName: "user-profile",
              onItemClick: ({ detail }) => void chosen(detail.id),
              items: [
                { id: "profile", text: "Profile", href: to("profile") },
                { id: "system", text: "Colours as the system" },
                { id: "light", text: "Light" },
                { id: "dark", text: "Dark" },
                { id: "sign-out", text: "Sign out" },
              ],
            },
          ]}
        />
      </div>
      <AppLayout
        headerSelector="#top"
        toolsHide
        contentType="default"
        navigationOpen={open}
        onNavigationChange={({ detail }) => setOpen(detail.open)}
        navigation={
          <SideNavigation
            activeHref={section ? to(BELOW[section] ?? section) : "#/"}
            items={LINKS}
            onFollow={() => innerWidth <= 900 && setOpen(false)}
          />
        }
        ariaLabels={{
          navigation: "Pages",
          navigationToggle: "Show the pages",
          navigationClose: "Hide the pages",
        }}
        content={
          page ? (
            <Boundary place={route.path.join("/")}>
              <Suspense fallback={<Spinner size="large" />}>{page(route, visit)}</Suspense>
            </Boundary>
          ) : (
            <Failure error={new Error(`The console has no page ${section}.`)} />
          )
        }
      />
    </>
  );
}
