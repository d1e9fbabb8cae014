"""Clusters (HyperPod), how their capacity is shared, and what is installed on them."""

from sagewright.operations.sagemaker.family import Family

_CLUSTERS = "run clusters (HyperPod)"

FAMILY = Family(
    nouns={
        "cluster": "cluster",
        "cluster-scheduler-config": "cluster_scheduler_config",
        "compute-quota": "compute_quota",
        "extension": "cluster_extension",
    },
    others=("cluster_event", "cluster_node", "cluster_operation"),
    kept=(
        "cluster",
        "cluster_event",
        "cluster_extension",
        "cluster_node",
        "cluster_operation",
        "cluster_scheduler_config",
        "compute_quota",
    ),
    unbuilt={
        "AttachClusterNodeNetworkInterface": _CLUSTERS,
        "AttachClusterNodeVolume": _CLUSTERS,
        "BatchAddClusterNodes": _CLUSTERS,
        "CreateCluster": _CLUSTERS,
        "CreateClusterExtension": _CLUSTERS,
        "DetachClusterNodeVolume": _CLUSTERS,
        "ListClusterExtensionVersions": "have extensions for clusters",
        "StartClusterHealthCheck": _CLUSTERS,
        "UpdateCluster": _CLUSTERS,
        "UpdateClusterExtension": _CLUSTERS,
        "UpdateClusterSoftware": _CLUSTERS,
    },
)
