"""What a job reaches, and who it is: written into its model, one report for each host."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

HOSTS = json.loads(os.environ["SM_HOSTS"])
HOST = os.environ["SM_CURRENT_HOST"]
METADATA = "http://169.254.169.254/latest"


def reaches(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


def meets() -> list[str]:
    """Names of the hosts that come to ours, as each comes to all."""
    found = set()
    with socket.create_server((HOST, 7000)) as server:
        server.settimeout(60)
        for other in HOSTS:
            while not reaches_with(other, HOST):
                time.sleep(0.02)
        while len(found) < len(HOSTS):
            with server.accept()[0] as client:
                found.add(client.recv(20).decode())
    return sorted(found)


def reaches_with(host: str, words: str) -> bool:
    try:
        with socket.create_connection((host, 7000), timeout=2) as sock:
            sock.sendall(words.encode())
    except OSError:
        return False
    return True


def curl(*arguments: str) -> str:
    return subprocess.run(["curl", "-sS", "-m", "10", *arguments], capture_output=True, text=True, check=False).stdout


def by_curl() -> dict[str, str]:
    token = curl("-X", "PUT", "-H", "X-aws-ec2-metadata-token-ttl-seconds: 60", f"{METADATA}/api/token")
    header = f"X-aws-ec2-metadata-token: {token}"
    role = curl("-H", header, f"{METADATA}/meta-data/iam/security-credentials/")
    return {
        "role": role,
        "code": json.loads(curl("-H", header, f"{METADATA}/meta-data/iam/security-credentials/{role}"))["Code"],
        "region": curl("-H", header, f"{METADATA}/meta-data/placement/region"),
        "without": curl("-o", "/dev/null", "-w", "%{http_code}", f"{METADATA}/meta-data/"),
    }


def by_botocore() -> dict[str, str]:
    import boto3
    from botocore.credentials import InstanceMetadataProvider
    from botocore.utils import InstanceMetadataFetcher

    environment = {name: value for name, value in os.environ.items() if "METADATA_SERVICE" not in name}
    found = {}
    for name, environ in (("own", os.environ), ("plain", environment)):
        config = {}
        if endpoint := environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT"):
            config["ec2_metadata_service_endpoint"] = endpoint
        fetcher = InstanceMetadataFetcher(timeout=10, num_attempts=1, env=environ, config=config)
        given = InstanceMetadataProvider(fetcher).load()
        if given is None:
            found[name] = ""
            continue
        keys = given.get_frozen_credentials()
        sts = boto3.client("sts", aws_access_key_id=keys.access_key, aws_secret_access_key=keys.secret_key,
                           aws_session_token=keys.token)  # fmt: skip
        found[name] = sts.get_caller_identity()["Arn"]
    return found


endpoint = urlsplit(os.environ["AWS_ENDPOINT_URL"])
report = {
    "platform": reaches(endpoint.hostname, endpoint.port),
    "elsewhere": reaches("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])),
}
if report["platform"]:
    report["botocore"] = by_botocore()
    if report["botocore"]["plain"]:
        report["curl"] = by_curl()
if len(HOSTS) > 1:
    report["meets"] = meets()
Path(os.environ["SM_MODEL_DIR"], f"{HOST}.json").write_text(json.dumps(report))
