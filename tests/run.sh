#!/bin/sh
# What `make test` runs: the server's own tests, and each client in an environment of its own.
#
#   sh tests/run.sh                  everything, three stages at a time; what a stage printed is shown when it ends
#   sh tests/run.sh boto3 sdk_v2     only these stages, one after the other, shown as they run
#
# The first stage that fails ends the run.
set -eu
cd "$(dirname "$0")/.."

# In this order three lanes take them: what soon says no first, then what takes longest, so that they end together.
STAGES="lint unit boto3 sdk_v2 runtimes terraform spark algorithms sdk_v3 ray chaos fuzz mlflow data browser awscli"
BIN=.venv/bin
PYTEST_OPTIONS=${PYTEST_OPTIONS:--q}

say() { printf '\n== %s\n' "$*"; }

# bounded SECONDS COMMAND…: end it when it takes longer, where there is a `timeout` to do so.
bounded() {
    limit=$1
    shift
    if command -v timeout >/dev/null 2>&1; then timeout -k 30 "$limit" "$@"; else "$@"; fi
}

# installed PACKAGE…: with Debian's package manager, quietly; whether that went well.
installed() {
    install="bounded 300 env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $*"
    { $install || { bounded 300 apt-get update -qq && $install; }; } >/dev/null 2>&1
}

# The sandbox of the process engine. Without it everything works; the tests of the sandbox itself are left out.
sandbox() {
    command -v bwrap >/dev/null 2>&1 && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "installing bubblewrap, which the tests of the sandbox need"
        installed bubblewrap && return
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
        none=/etc/postgresql-common/createcluster.conf
        [ -e $none ] || { mkdir -p "${none%/*}" && echo "create_main_cluster = false" >$none; }
        installed postgresql && return
    fi
    echo "PostgreSQL is not installed: the tests of the store on it will be skipped"
}

# A container engine for the tests of ours: Podman with a folder of its own, settings that work in containers and in
# virtual machines too, and its API on a socket. Without it those tests are left out.
containers() {
    [ -z "${SAGEWRIGHT_CONTAINER_SOCKET:-}" ] || return 0
    if ! command -v podman >/dev/null 2>&1 && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "installing podman, which the tests of the container engine need"
        installed podman runc catatonit netavark aardvark-dns iptables || true
    fi
    if ! command -v podman >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
        echo "there is no podman for root: the tests of the container engine will be skipped"
        return 0
    fi
    place=$(mktemp -d)
    cat >"$place/containers.conf" <<'CONF'
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
CONF
    export CONTAINERS_CONF="$place/containers.conf"
    export SAGEWRIGHT_PODMAN="podman --root $place/root --runroot $place/run --tmpdir $place/tmp --network-config-dir $place/networks"
    export SAGEWRIGHT_CONTAINER_SOCKET="unix://$place/podman.sock"
    # Options are words; its own session, so that it ends when we say so. It works in its folder, where it leaves files.
    # shellcheck disable=SC2086
    (cd "$place" && exec $SAGEWRIGHT_PODMAN system service --time 0 "$SAGEWRIGHT_CONTAINER_SOCKET" >log 2>&1) &
    PODMAN_SERVICE=$! PODMAN_PLACE=$place
    trap no_containers EXIT
    for _ in $(seq 60); do [ -S "$place/podman.sock" ] && return 0 || sleep 1; done
    echo "podman does not start: the tests of the container engine will be skipped"
    unset SAGEWRIGHT_CONTAINER_SOCKET SAGEWRIGHT_PODMAN
}

# What `containers` made.
no_containers() {
    [ -n "${PODMAN_SERVICE:-}" ] || return 0
    kill "$PODMAN_SERVICE" 2>/dev/null || true
    # shellcheck disable=SC2086 # options are words
    $SAGEWRIGHT_PODMAN rm -fa >/dev/null 2>&1 || true
    # shellcheck disable=SC2086
    $SAGEWRIGHT_PODMAN system reset -f >/dev/null 2>&1 || true
    rm -rf "$PODMAN_PLACE"
}

# A browser for the tests of the console, and the console itself. Without them those tests are left out.
browser() {
    if ! command -v chromium >/dev/null 2>&1 && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "installing chromium, which the tests of the console need"
        installed chromium || true
    fi
    if ! command -v chromium >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
        echo "there is no chromium or no npm: the tests of the console in a browser will be skipped"
        return 1
    fi
}

# environment NAME: .venvs/NAME as its lock file says; made once, and again when the lock file or Python changes.
# Two stages may want the same at once: the second waits for the first, where there is a `flock` to do so.
environment() {
    mkdir -p .venvs
    (
        if command -v flock >/dev/null 2>&1; then flock 9; fi
        made "$1" 9>&-
    ) 9>".venvs/$1.lock"
}

made() {
    lock=tests/clients/environments/$1.txt
    stamp="$(cksum <"$lock") $("$BIN/python" -V)"
    if [ "$(cat ".venvs/$1/.stamp" 2>/dev/null)" = "$stamp" ]; then return; fi
    echo "making .venvs/$1 from $lock"
    rm -rf ".venvs/$1"
    "$BIN/uv" venv --quiet --python "$BIN/python" ".venvs/$1" &&
        bounded 900 "$BIN/uv" pip install --quiet --no-deps --compile-bytecode --python ".venvs/$1/bin/python" -r "$lock" &&
        echo "$stamp" >".venvs/$1/.stamp"
}

# clients FOLDER PYTHON OPTION…: one client's tests, run by the Python of its environment.
clients() {
    folder=$1 python=$2
    shift 2
    # shellcheck disable=SC2086 # options are words
    bounded 1800 $python -m pytest -c tests/clients/pytest.ini --rootdir . $PYTEST_OPTIONS "$@" "tests/clients/$folder"
}

stage() {
    case $1 in
    lint) bounded 600 make --no-print-directory lint ;;
    unit)
        sandbox
        postgres
        containers
        folders=
        for folder in unit wire conformance; do
            if [ -d "tests/$folder" ]; then folders="$folders tests/$folder"; fi
        done
        # shellcheck disable=SC2086 # folders and options are words
        bounded 1800 "$BIN/python" -m pytest $PYTEST_OPTIONS $folders
        ;;
    runtimes) bounded 1800 "$BIN/python" -m pytest $PYTEST_OPTIONS tests/runtimes ;;
    fuzz) bounded 600 "$BIN/python" -m pytest $PYTEST_OPTIONS tests/fuzz --requests=6000 ;; # `make fuzz`: 100,000
    boto3)
        containers
        clients "$1" "$BIN/python"
        ;;
    terraform) clients "$1" "$BIN/python" ;;
    awscli) environment awscli && clients awscli "$BIN/python" ;;
    data | mlflow | sdk_v3) environment "$1" && clients "$1" ".venvs/$1/bin/python" ;;
    browser)
        if browser; then
            bounded 300 make --no-print-directory console &&
                environment browser && clients browser .venvs/browser/bin/python
        fi
        ;;
    # The built-in algorithms and Spark apart from all else that the SDK does.
    sdk_v2)
        apart="--ignore=tests/clients/sdk_v2/algorithms --ignore=tests/clients/sdk_v2/spark"
        # shellcheck disable=SC2086 # options are words
        environment sdk_v2 && clients sdk_v2 .venvs/sdk_v2/bin/python $apart
        ;;
    algorithms | spark) environment sdk_v2 && clients "sdk_v2/$1" .venvs/sdk_v2/bin/python ;;
    ray-environment) environment ray ;;
    # A cluster on this machine. The server runs in the same environment: it needs Ray too.
    ray)
        sandbox
        postgres
        environment ray
        python="env PYTHONPATH=src .venvs/ray/bin/python"
        # shellcheck disable=SC2086 # options and the command are words
        bounded 900 $python -m pytest $PYTEST_OPTIONS tests/conformance/test_engines_ray.py &&
            bounded 600 $python -m pytest $PYTEST_OPTIONS tests/chaos/test_nodes.py --minutes=0.2 && # `make chaos-ray`: 10
            clients ray "$python"
        ;;
    chaos) bounded 900 "$BIN/python" -m pytest $PYTEST_OPTIONS tests/chaos --rounds=5 ;; # `make chaos` does a hundred
    *)
        echo "no stage is called $1; there are: $STAGES" >&2
        return 2
        ;;
    esac
}

# whole NAME: one stage from its headline to its time.
whole() {
    say "$1"
    begun=$(date +%s)
    stage "$1" || {
        status=$?
        say "$1 failed"
        return "$status"
    }
    echo "   $1: $(($(date +%s) - begun)) s"
}

# lane: one stage after the other, of those that no lane has taken, until one has failed.
lane() {
    for name in $STAGES; do
        [ ! -e "$logs/failed" ] || return 0
        mkdir "$logs/$name.taken" 2>/dev/null || continue
        echo "   running: $name"
        whole "$name" >"$logs/$name" 2>&1 || {
            echo "$name" >>"$logs/failed"
            cat "$logs/$name"
            return 1
        }
        cat "$logs/$name"
    done
}

if [ $# -gt 0 ]; then
    for name in "$@"; do whole "$name"; done
    say "all of it passed: $*"
    exit
fi

sandbox # before any server looks for it
postgres
containers
logs=$(mktemp -d)
trap 'rm -rf "$logs"; no_containers' EXIT
trap 'trap - INT TERM; kill 0' INT TERM
lanes=
for _ in 1 2 3; do
    lane &
    lanes="$lanes $!"
done
# Each by its number: Podman's service is a child of this shell too, and does not end. What failed is in a file.
for pid in $lanes; do wait "$pid" || true; done
if [ -e "$logs/failed" ]; then
    say "failed: $(tr '\n' ' ' <"$logs/failed")"
    exit 1
fi
say "all of it passed: $STAGES"
