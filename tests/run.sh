#!/bin/sh
# What `make test` runs: the quick stages first, then each client in an environment of its own.
#
#   sh tests/run.sh                  everything
#   sh tests/run.sh boto3 sdk_v2     only these stages
#
# Stages: lint unit fuzz boto3 data awscli terraform mlflow sdk_v2 sdk_v3 chaos. The first one that fails ends the run.
set -eu
cd "$(dirname "$0")/.."

STAGES=${*:-lint unit fuzz boto3 data awscli terraform mlflow sdk_v2 sdk_v3 chaos}
BIN=.venv/bin
PYTEST_OPTIONS=${PYTEST_OPTIONS:--q}

say() { printf '\n== %s\n' "$*"; }

# bounded SECONDS COMMAND…: end it when it takes longer, where there is a `timeout` to do so.
bounded() {
    limit=$1
    shift
    if command -v timeout >/dev/null 2>&1; then timeout -k 30 "$limit" "$@"; else "$@"; fi
}

# The sandbox of the process engine. Without it everything works; the tests of the sandbox itself are left out.
sandbox() {
    command -v bwrap >/dev/null 2>&1 && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "installing bubblewrap, which the tests of the sandbox need"
        install="apt-get install -y -qq --no-install-recommends bubblewrap"
        { $install || { apt-get update -qq && $install; }; } >/dev/null 2>&1 && return
    fi
    echo "bubblewrap is not installed: the tests of the sandbox will be skipped"
}

# A PostgreSQL server's programs: its tests start one of their own. Without them those tests are left out.
postgres() {
    command -v initdb >/dev/null 2>&1 && return
    for initdb in /usr/lib/postgresql/*/bin/initdb; do if [ -x "$initdb" ]; then return; fi; done
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "installing postgresql, which the tests of the store on it need"
        # Its package would start a server of its own.
        install="env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql"
        none=/etc/postgresql-common/createcluster.conf
        [ -e $none ] || { mkdir -p "${none%/*}" && echo "create_main_cluster = false" >$none; }
        { $install || { apt-get update -qq && $install; }; } >/dev/null 2>&1 && return
    fi
    echo "PostgreSQL is not installed: the tests of the store on it will be skipped"
}

# environment NAME: .venvs/NAME as its lock file says; made once, and again when the lock file or Python changes.
environment() {
    lock=tests/clients/environments/$1.txt
    stamp="$(cksum <"$lock") $("$BIN/python" -V)"
    if [ "$(cat ".venvs/$1/.stamp" 2>/dev/null)" = "$stamp" ]; then return; fi
    echo "making .venvs/$1 from $lock"
    rm -rf ".venvs/$1"
    "$BIN/uv" venv --quiet --python "$BIN/python" ".venvs/$1" &&
        "$BIN/uv" pip install --quiet --no-deps --compile-bytecode --python ".venvs/$1/bin/python" -r "$lock" &&
        echo "$stamp" >".venvs/$1/.stamp"
}

# clients FOLDER PYTHON: one client's tests, run by the Python of its environment.
clients() {
    # shellcheck disable=SC2086 # options are words
    bounded 1800 "$2" -m pytest -c tests/clients/pytest.ini --rootdir . $PYTEST_OPTIONS "tests/clients/$1"
}

stage() {
    case $1 in
    lint) bounded 600 make --no-print-directory lint ;;
    unit)
        sandbox
        postgres
        folders=
        for folder in unit wire conformance runtimes; do
            if [ -d "tests/$folder" ]; then folders="$folders tests/$folder"; fi
        done
        # shellcheck disable=SC2086 # folders and options are words
        bounded 1800 "$BIN/python" -m pytest $PYTEST_OPTIONS $folders
        ;;
    fuzz) bounded 600 "$BIN/python" -m pytest $PYTEST_OPTIONS tests/fuzz --requests=6000 ;; # `make fuzz`: 100,000
    boto3 | terraform) clients "$1" "$BIN/python" ;;
    awscli) environment awscli && clients awscli "$BIN/python" ;;
    data | mlflow | sdk_v2 | sdk_v3) environment "$1" && clients "$1" ".venvs/$1/bin/python" ;;
    chaos) bounded 900 "$BIN/python" -m pytest $PYTEST_OPTIONS tests/chaos --rounds=5 ;; # `make chaos` does a hundred
    *)
        echo "no stage is called $1; there are: lint unit fuzz boto3 data awscli terraform mlflow sdk_v2 sdk_v3 chaos" >&2
        return 2
        ;;
    esac
}

for name in $STAGES; do
    say "$name"
    begun=$(date +%s)
    stage "$name" || {
        status=$?
        say "$name failed"
        exit "$status"
    }
    echo "   $name: $(($(date +%s) - begun)) s"
done
say "all of it passed: $STAGES"
