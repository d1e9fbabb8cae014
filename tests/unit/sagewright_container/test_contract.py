"""What a script is told. The expected values were printed by sagemaker-training 5.1.4 for the same job."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sagewright_container.contract import TrainingEnvironment, cpu_count, gpu_count

HYPERPARAMETERS = {
    "sagemaker_program": '"train.py"',
    "sagemaker_submit_directory": '"s3://b/sourcedir.tar.gz"',
    "sagemaker_region": '"us-east-1"',
    "sagemaker_job_name": '"job-1"',
    "sagemaker_container_log_level": "20",
    "sagemaker_foo": "true",
    "epochs": "10",
    "learning-rate": "0.1",
    "n": '"abc"',
    "raw": "abc def",
    "flag": "true",
    "d": '{"b":1,"a":"x"}',
    "l": "[1, 2]",
    "none": "null",
    "big": '"ünï"',
}
CHANNELS = {
    "train": {"TrainingInputMode": "File"},
    "val-1": {"TrainingInputMode": "File", "ContentType": "text/csv"},
}

FIXED = {
    *("SM_HOSTS", "SM_NETWORK_INTERFACE_NAME", "SM_HPS"),
    *("SM_USER_ENTRY_POINT", "SM_FRAMEWORK_PARAMS", "SM_RESOURCE_CONFIG"),
    *("SM_INPUT_DATA_CONFIG", "SM_OUTPUT_DATA_DIR", "SM_CHANNELS"),
    *("SM_CURRENT_HOST", "SM_CURRENT_INSTANCE_TYPE", "SM_CURRENT_INSTANCE_GROUP"),
    *("SM_CURRENT_INSTANCE_GROUP_HOSTS", "SM_INSTANCE_GROUPS", "SM_INSTANCE_GROUPS_DICT"),
    *("SM_DISTRIBUTION_INSTANCE_GROUPS", "SM_IS_HETERO", "SM_MODULE_NAME"),
    *("SM_LOG_LEVEL", "SM_FRAMEWORK_MODULE", "SM_INPUT_DIR"),
    *("SM_INPUT_CONFIG_DIR", "SM_OUTPUT_DIR", "SM_NUM_CPUS"),
    *("SM_NUM_GPUS", "SM_NUM_NEURONS", "SM_MODEL_DIR"),
    *("SM_MODULE_DIR", "SM_TRAINING_ENV", "SM_USER_ARGS"),
    *("SM_OUTPUT_INTERMEDIATE_DIR",),
}


@pytest.fixture
def environment(folder: Any) -> TrainingEnvironment:
    folder.configure(HYPERPARAMETERS, CHANNELS)
    return TrainingEnvironment(folder.contract, {"TRAINING_JOB_NAME": "job-1"})


def test_arguments_are_sorted_and_single_letters_have_one_dash(environment: TrainingEnvironment) -> None:
    assert environment.arguments() == [
        *("--big", "ünï", "-d", "a=x,b=1", "--epochs", "10", "--flag", "True", "-l", "[1, 2]"),
        *("--learning-rate", "0.1", "-n", "abc", "--none", "", "--raw", "abc def"),
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SM_CHANNELS", '["train","val-1"]'),
        ("SM_CURRENT_HOST", "algo-1"),
        ("SM_CURRENT_INSTANCE_GROUP", "homogeneousCluster"),
        ("SM_CURRENT_INSTANCE_GROUP_HOSTS", '["algo-1"]'),
        ("SM_CURRENT_INSTANCE_TYPE", "ml.m5.large"),
        ("SM_DISTRIBUTION_INSTANCE_GROUPS", "[]"),
        ("SM_FRAMEWORK_MODULE", ""),
        ("SM_FRAMEWORK_PARAMS", '{"sagemaker_foo":true}'),
        ("SM_HOSTS", '["algo-1"]'),
        (
            "SM_HPS",
            '{"big":"\\u00fcn\\u00ef","d":{"a":"x","b":1},"epochs":10,"flag":true,"l":[1,2],'
            '"learning-rate":0.1,"n":"abc","none":null,"raw":"abc def"}',
        ),
        ("SM_HP_BIG", "ünï"),
        ("SM_HP_D", '{"a":"x","b":1}'),
        ("SM_HP_LEARNING-RATE", "0.1"),
        ("SM_HP_NONE", ""),
        ("SM_INSTANCE_GROUPS", '["homogeneousCluster"]'),
        ("SM_IS_HETERO", "false"),
        ("SM_LOG_LEVEL", "20"),
        ("SM_MODULE_DIR", "s3://b/sourcedir.tar.gz"),
        ("SM_MODULE_NAME", "train"),
        ("SM_NETWORK_INTERFACE_NAME", "eth0"),
        ("SM_NUM_CPUS", str(cpu_count())),
        ("SM_NUM_NEURONS", "0"),
        ("SM_USER_ENTRY_POINT", "train.py"),
    ],
)
def test_variable(environment: TrainingEnvironment, name: str, value: str) -> None:
    assert environment.variables()[name] == value


def test_the_set_of_variables(environment: TrainingEnvironment, folder: Any) -> None:
    variables = environment.variables()
    fixed = {name for name in variables if not name.startswith(("SM_HP_", "SM_CHANNEL_"))}
    assert fixed == FIXED
    assert variables["SM_CHANNEL_VAL-1"] == f"{folder.base}/input/data/val-1"
    assert variables["SM_MODEL_DIR"] == f"{folder.base}/model"
    assert variables["SM_OUTPUT_DATA_DIR"] == f"{folder.base}/output/data"


def test_training_env_holds_everything_once_more(environment: TrainingEnvironment) -> None:
    told = json.loads(environment.variables()["SM_TRAINING_ENV"])
    assert told["hyperparameters"]["epochs"] == 10
    assert told["master_hostname"] == "algo-1"
    assert told["is_master"] is True
    assert told["job_name"] == "job-1"
    assert told["distribution_hosts"] == []
    assert told["topology"] == []
    assert len(told) == 37


def test_a_distribution_spans_its_groups(folder: Any) -> None:
    groups = [
        {"instance_group_name": "big", "instance_type": "ml.p3.2xlarge", "hosts": ["algo-1", "algo-2"]},
        {"instance_group_name": "small", "instance_type": "ml.m5.large", "hosts": ["algo-3"]},
    ]
    resources = {
        "hosts": ["algo-1", "algo-2", "algo-3"],
        "current_host": "algo-2",
        "current_group_name": "big",
        "instance_groups": groups,
    }
    folder.configure({"sagemaker_mpi_enabled": "true"}, resources=resources)
    variables = TrainingEnvironment(folder.contract, {}).variables()
    assert variables["SM_DISTRIBUTION_INSTANCE_GROUPS"] == '["big"]'
    assert variables["SM_IS_HETERO"] == "true"
    told = json.loads(variables["SM_TRAINING_ENV"])
    assert told["distribution_hosts"] == ["algo-1", "algo-2"]
    assert told["is_master"] is False


def test_a_container_without_configuration_is_a_single_host(folder: Any) -> None:
    environment = TrainingEnvironment(folder.contract, {"SAGEMAKER_PROGRAM": "a.py"})
    assert environment.hosts == ["algo-1"]
    assert environment.entry_point == "a.py"
    assert environment.variables()["SM_HPS"] == "{}"


def test_the_scripts_own_failure_is_kept(folder: Any) -> None:
    folder.contract.write_failure("first")
    folder.contract.write_failure("second")
    assert folder.failure == "first"


@pytest.mark.parametrize(("devices", "count"), [("", 0), ("0", 1), ("0,1", 2), ("-1", 0)])
def test_gpus_are_those_that_were_given(devices: str, count: int) -> None:
    assert gpu_count({"CUDA_VISIBLE_DEVICES": devices}) == count


def test_tries_of_a_tuning_job_do_not_share_a_folder(folder: Any) -> None:
    tuned = {"_tuning_objective_metric": '"loss"', "model_dir": '"s3://b/tuning/model"'}
    for parameters, expected in (
        (tuned, "s3://b/tuning/model/try-1/model"),
        ({"model_dir": tuned["model_dir"]}, "s3://b/tuning/model"),
        ({**tuned, "model_dir": '"/opt/ml/model"'}, "/opt/ml/model"),
    ):
        folder.configure(parameters)
        environment = TrainingEnvironment(folder.contract, {"TRAINING_JOB_NAME": "try-1"})
        environment.tell_tries_apart()
        assert environment.variables()["SM_HP_MODEL_DIR"] == expected
        assert environment.arguments() == ["--model_dir", expected]
