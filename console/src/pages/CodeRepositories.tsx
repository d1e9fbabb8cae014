import { all } from "../api/client";
import { moment } from "../parts/format";
import { Listing } from "../parts/Listing";
import { Teach } from "../parts/Teach";
import { useLoaded } from "../parts/useLoaded";

interface Repository {
  CodeRepositoryName: string;
  CreationTime: number;
  GitConfig?: { RepositoryUrl: string; Branch?: string; SecretArn?: string };
}

export function CodeRepositories() {
  const loaded = useLoaded(() => all<Repository>("sagemaker", "ListCodeRepositories", "CodeRepositorySummaryList", { MaxResults: 100 }), [], ["code-repository"]);
  return (
    <Listing
      title="Code repositories"
      loaded={loaded}
      id={(each) => each.CodeRepositoryName}
      teach={
        <Teach
          title="There are no code repositories yet."
          operation="CreateCodeRepository"
          params={{ CodeRepositoryName: "research", GitConfig: { RepositoryUrl: "https://git.example.com/research.git", Branch: "main" } }}
        >
          A Git repository that notebook instances clone at their start: DefaultCodeRepository of CreateNotebookInstance names it.
        </Teach>
      }
      columns={[
        { id: "name", header: "Name", cell: (each) => each.CodeRepositoryName, isRowHeader: true, sortingField: "CodeRepositoryName" },
        { id: "url", header: "Address", cell: (each) => <span className="name">{each.GitConfig?.RepositoryUrl ?? "–"}</span> },
        { id: "branch", header: "Branch", cell: (each) => each.GitConfig?.Branch ?? "the default one" },
        { id: "secret", header: "Secret", cell: (each) => <span className="name">{each.GitConfig?.SecretArn ?? "none"}</span> },
        { id: "created", header: "Created", cell: (each) => moment(each.CreationTime), sortingField: "CreationTime" },
      ]}
    />
  );
}
