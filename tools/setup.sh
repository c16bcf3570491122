#!/usr/bin/env bash
# Installs what `make` needs, and only what is missing or out of date:
#
#   tools/setup.sh python   .venv from requirements.lock, and this checkout importable in it
#   tools/setup.sh node     the pinned anvil from package-lock.json, linked into .venv/bin
#   tools/setup.sh peers    what `make bench` measures beside ours, benchmarks/solidity/node_modules
#   tools/setup.sh lint     .venv/lint from tools.lock (the Vyper formatter pins an old click)
#   tools/setup.sh audit    .venv/audit from audit.lock (the symbolic executor pins an old rich)
#
# A stamp beside each result is younger than the files it was made from; a second run does nothing.
# A missing tool is one line that says how to get it. Without anvil everything still works on the
# embedded ledgers, and without the peers their figures of before stay: `node` and `peers` never fail.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s\n' "$*" >&2; }

fresh() { # fresh STAMP SOURCE...: the stamp names this folder and is younger than every source
    local stamp=$1 source
    shift
    # Scripts in a virtual environment carry its absolute path: a moved checkout starts again.
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$PWD" ] || return 1
    for source in "$@"; do
        [ ! "$source" -nt "$stamp" ] || return 1
    done
}

find_python() {
    local candidate
    # 3.11 first: it is what the lock file is tested with.
    for candidate in ${PYTHON:-python3.11 python3.12 python3}; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' \
            2>/dev/null; then
            command -v "$candidate"
            return 0
        fi
    done
    say "Python 3.11 or 3.12 is missing: install it (Debian: apt install python3 python3-venv) or name it: make PYTHON=/path/to/python3.11"
    return 1
}

create_venv() { # create_venv DIR
    local python
    if [ -x "$1/bin/python" ] && "$1/bin/python" -c 'import pip' 2>/dev/null; then
        # Kept when it still belongs here; pip then brings it up to date.
        if [ "$("$1/bin/python" -c 'import sys; print(sys.prefix)')" = "$PWD/$1" ] \
            && grep -qsF "$PWD/$1" "$1/bin/pip"; then
            return 0
        fi
    fi
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        say "the venv module of $python is missing: install it (Debian: apt install python3-venv)"
        return 1
    fi
    rm -rf "$1"
    "$python" -m venv "$1"
}

setup_python() {
    local stamp=.venv/.stamp
    if fresh "$stamp" requirements.lock pyproject.toml setup.py; then
        return 0
    fi
    create_venv .venv
    say "installing the Python environment into .venv (a few minutes the first time) ..."
    rm -f "$stamp"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        --require-hashes -r requirements.lock
    # From the locked setuptools, hence no build isolation; dependencies are installed already.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        --no-deps --no-build-isolation --editable .
    printf '%s\n' "$PWD" >"$stamp"
}

link_anvil() {
    # On the PATH of an activated environment, so that `ape test` typed by hand finds it too.
    if [ -x node_modules/.bin/anvil ] && [ -d .venv/bin ]; then
        ln -sfn ../../node_modules/.bin/anvil .venv/bin/anvil
    fi
}

setup_node() {
    local stamp=node_modules/.stamp
    if fresh "$stamp" package-lock.json package.json; then
        link_anvil
        return 0
    fi
    if ! command -v npm >/dev/null 2>&1; then
        if command -v anvil >/dev/null 2>&1; then
            return 0
        fi
        say "npm is missing (Debian: apt install nodejs npm): it installs anvil; going on with the embedded ledgers"
        return 0
    fi
    if ! npm ci --silent --no-audit --no-fund --ignore-scripts >&2; then
        say "npm ci failed, so there is no anvil (try it by hand: npm ci); going on with the embedded ledgers"
        return 0
    fi
    if [ ! -x node_modules/.bin/anvil ] && ! command -v anvil >/dev/null 2>&1; then
        say "no anvil for $(uname -s) $(uname -m) among the locked packages: install Foundry's anvil 1.7.1 onto your PATH; going on with the embedded ledgers"
        return 0
    fi
    mkdir -p node_modules
    printf '%s\n' "$PWD" >"$stamp"
    link_anvil
}

setup_peers() {
    local folder=benchmarks/solidity
    local stamp=$folder/node_modules/.stamp
    if fresh "$stamp" $folder/package-lock.json $folder/package.json \
        || ! command -v npm >/dev/null 2>&1; then
        return 0
    fi
    if ! npm ci --prefix $folder --silent --no-audit --no-fund --ignore-scripts >&2; then
        say "npm ci failed in $folder (try it by hand)"
        return 0
    fi
    printf '%s\n' "$PWD" >"$stamp"
}

setup_apart() { # setup_apart NAME WHAT LOCK
    local stamp=.venv/$1/.stamp
    if fresh "$stamp" "$3"; then
        return 0
    fi
    create_venv ".venv/$1"
    say "installing $2 into .venv/$1 ..."
    rm -f "$stamp"
    ".venv/$1/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes -r "$3"
    printf '%s\n' "$PWD" >"$stamp"
}

for part in "$@"; do
    case "$part" in
        python) setup_python ;;
        node) setup_node ;;
        peers) setup_peers ;;
        lint) setup_apart lint "the Vyper formatter" tools.lock ;;
        audit) setup_apart audit "the symbolic executor" audit.lock ;;
        *)
            say "usage: tools/setup.sh [python] [node] [peers] [lint] [audit]"
            exit 2
            ;;
    esac
done
