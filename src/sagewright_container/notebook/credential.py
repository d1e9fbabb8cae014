"""Git's credential helper: `credential.py SECRET_ARN get` prints the user name and password that a secret holds."""

from __future__ import annotations

import importlib
import json
import sys


def main(arguments: list[str]) -> int:
    """Answer Git; 0 also where there is nothing to say: Git then says that it has no credentials."""
    if len(arguments) != 2 or arguments[1] != "get":
        return 0
    client = importlib.import_module("boto3").client("secretsmanager")
    try:
        secret = json.loads(client.get_secret_value(SecretId=arguments[0])["SecretString"])
        print(f"username={secret['username']}\npassword={secret['password']}")
    except Exception as error:  # noqa: BLE001  whatever it is, Git's user reads it
        sys.stderr.write(f"sagewright: the secret {arguments[0]} gives no credentials: {error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
