"""Models on devices: fleets, their devices, what is packaged for them and sent to them."""

from sagewright.operations.sagemaker.family import Family

FAMILY = Family(
    nouns={
        "device-fleet": "device_fleet",
        "device-fleet/device": "device",
        "edge-deployment": "edge_deployment_plan",
        "edge-packaging-job": "edge_packaging_job",
    },
    kept=(
        "edge_deployment_plan",
        "edge_packaging_job",
    ),
    unbuilt={
        "CreateEdgePackagingJob": "package models for devices",
        "StartEdgeDeploymentStage": "deploy models to devices",
    },
)
