"""People who label and review: their teams, their tasks, the jobs that hand these out."""

from sagewright.operations.sagemaker.family import Family

FAMILY = Family(
    nouns={
        "flow-definition": "flow_definition",
        "human-task-ui": "human_task_ui",
        "labeling-job": "labeling_job",
        "workforce": "workforce",
        "workteam": "workteam",
    },
    others=("render", "subscribed_workteam"),
    kept=(
        "flow_definition",
        "human_task_ui",
        "labeling_job",
        "render",
        "subscribed_workteam",
        "workforce",
        "workteam",
    ),
    unbuilt={
        "CreateLabelingJob": "hand out labeling work",
        "RenderUiTemplate": "render the pages of labeling tasks",
    },
)
