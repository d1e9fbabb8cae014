"""Stops the notebook instance that it runs on when nobody has used it for a while; cron runs it every few minutes.

A stand-in for the script that AWS publishes, written for this test: it speaks through the same interfaces (the metadata
file, Jupyter's sessions at port 8443, SageMaker's API) and has the same options, and shares no code with it.
"""

import argparse
import datetime
import json

import boto3
import requests
import urllib3

options = argparse.ArgumentParser()
options.add_argument("-t", "--time", type=int, required=True, help="seconds that it may be idle")
options.add_argument("-p", "--port", default="8443")
options.add_argument("-c", "--ignore-connections", action="store_true", help="open pages do not count as use")
asked = options.parse_args()

urllib3.disable_warnings()
with open("/opt/ml/metadata/resource-metadata.json") as file:
    name = json.load(file)["ResourceName"]
sagemaker = boto3.client("sagemaker")


def unused(since):
    return (datetime.datetime.now(datetime.UTC) - since).total_seconds() > asked.time


def quiet(kernel):
    if kernel["execution_state"] != "idle" or (kernel["connections"] and not asked.ignore_connections):
        return False
    return unused(
        datetime.datetime.strptime(kernel["last_activity"], "%Y-%m-%dT%H:%M:%S.%fz").replace(tzinfo=datetime.UTC)
    )


sessions = requests.get(f"https://localhost:{asked.port}/api/sessions", verify=False).json()
if sessions:
    stops = all(quiet(session["kernel"]) for session in sessions)
else:
    described = sagemaker.describe_notebook_instance(NotebookInstanceName=name)
    stops = unused(described["LastModifiedTime"])
print(f"{name}: {len(sessions)} sessions, {'it stops' if stops else 'it stays'}")
if stops:
    sagemaker.stop_notebook_instance(NotebookInstanceName=name)
