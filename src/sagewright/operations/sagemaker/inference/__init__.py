"""Models, endpoints, batch transform, and what is tried out with them."""

from sagewright.operations.sagemaker.family import Family

_RECOMMENDATIONS = "recommend instances for inference"
_ROUTERS = "route inference between endpoints"

FAMILY = Family(
    nouns={
        "ai-benchmark-job": "ai_benchmark_job",
        "ai-recommendation-job": "ai_recommendation_job",
        "ai-workload-config": "ai_workload_config",
        "compilation-job": "compilation_job",
        "endpoint": "endpoint",
        "endpoint-config": "endpoint_config",
        "inference-component": "inference_component",
        "inference-experiment": "inference_experiment",
        "inference-recommendations-job": "inference_recommendations_job",
        "inference-router": "inference_router",
        "model": "model",
        "optimization-job": "optimization_job",
        "transform-job": "transform_job",
    },
    others=("endpoint_policy", "model_metadata"),
    kept=(
        "ai_benchmark_job",
        "ai_recommendation_job",
        "ai_workload_config",
        "compilation_job",
        "endpoint_policy",
        "inference_recommendations_job",
        "inference_router",
        "model_metadata",
        "optimization_job",
    ),
    unbuilt={
        "CreateAIBenchmarkJob": "run benchmarks of endpoints",
        "CreateAIRecommendationJob": _RECOMMENDATIONS,
        "CreateCompilationJob": "compile models (Neo)",
        "CreateInferenceRecommendationsJob": _RECOMMENDATIONS,
        "CreateInferenceRouter": _ROUTERS,
        "CreateOptimizationJob": "optimize models (quantization, compilation, sharding)",
        "GetScalingConfigurationRecommendation": _RECOMMENDATIONS,
        "ListModelMetadata": "know the models of a model zoo",
        "UpdateInferenceRouter": _ROUTERS,
    },
)
