# Read by all of Spark's programs before they start: how Spark finds its Java, S3 and the feature store here. What the
# environment says already stays as it is.
settings=$("${PYSPARK_DRIVER_PYTHON:-${PYSPARK_PYTHON:-python3}}" "$SPARK_CONF_DIR/../environment.py") && eval "$settings"
unset settings
