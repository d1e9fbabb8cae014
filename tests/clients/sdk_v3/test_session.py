"""SDK v3's session: the same two questions, and nothing that leaves the machine."""

from sagemaker.core.helper.session_helper import Session, get_execution_role


def test_the_execution_role_and_the_default_bucket_are_found(role: str) -> None:
    assert get_execution_role() == role
    assert Session().default_bucket() == "sagemaker-us-east-1-123456789012"


def test_nothing_is_reported_to_aws(outside: list[str]) -> None:
    assert Session().sagemaker_config["SageMaker"]["PythonSDK"]["Modules"]["TelemetryOptOut"] is True
    assert outside == []
