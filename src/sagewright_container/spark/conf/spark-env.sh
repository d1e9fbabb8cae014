# Read by all of Spark's programs before they start: how Spark finds its Java, S3 and the feature store here. The Python
# that has this Spark knows; it may not be the one on the PATH.
python=${SPARK_HOME%/lib/python*}/bin/python3
[ -x "$python" ] || python=python3
settings=$("$python" "$SPARK_CONF_DIR/../environment.py") && eval "$settings"
unset python settings
