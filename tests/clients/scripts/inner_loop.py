"""A data scientist's program: trains, looks, runs a function remotely, and says what came of it as JSON."""

import json
import sys
import time

import sagemaker
from sagemaker.remote_function import RemoteExecutor
from sagemaker.remote_function.client import list_futures
from sagemaker.sklearn import SKLearn

script, data = sys.argv[1:]
session = sagemaker.Session()
role = sagemaker.get_execution_role()
estimator = SKLearn(
    script, role=role, framework_version="1.2-1", instance_type="ml.m5.large", hyperparameters={"n-estimators": 5}
)
uploaded = session.upload_data(data, key_prefix="inner-loop")
estimator.fit({"train": uploaded}, wait=False)


def double(number: int) -> int:
    """What runs remotely."""
    return 2 * number


with RemoteExecutor(instance_type="ml.m5.large", sagemaker_session=session) as executor:
    future = executor.submit(double, 21)
    while not future.done():  # the SDK's own waiting looks every half minute
        time.sleep(0.1)
(found,) = list_futures("double", sagemaker_session=session)
while (job := estimator.latest_training_job.describe())["TrainingJobStatus"] == "InProgress":
    time.sleep(0.1)
print(json.dumps({"answer": found.result(), "job": job["TrainingJobStatus"], "bucket": session.default_bucket()}))
