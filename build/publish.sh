#!/usr/bin/env bash
# Publishes what lies in dist/packages: `publish.sh github v0.1.0` or `publish.sh npm v0.1.0`.
# DRY_RUN=1 prints the commands instead.
set -euo pipefail
cd "$(dirname "$0")/.."

where=${1:?github or npm}
tag=${2:?the tag, such as v0.1.0}
shopt -s nullglob
scratch=$(mktemp)
trap 'rm -f "$scratch"' EXIT

run() {
  printf '+ %s\n' "$*"
  [ -n "${DRY_RUN:-}" ] || "$@"
}

github() {
  local files=(dist/packages/*)
  [ ${#files[@]} -gt 0 ] || { echo "dist/packages is empty: run \`make packages\` first." >&2; exit 1; }
  python3 build/release.py notes --tag "$tag" >"$scratch"
  run gh release create "$tag" --title "$tag" --notes-file "$scratch" --verify-tag "${files[@]}"
}

# The platform packages first: nobody may find a bridge whose binaries are not there yet.
npm_packages() {
  local bridge=(dist/packages/live-sidecar-"${tag#v}".tgz)
  [ ${#bridge[@]} -eq 1 ] && [ -e "${bridge[0]}" ] || { echo "There is no ${bridge[0]-package of the bridge}." >&2; exit 1; }
  local platforms=(dist/packages/live-sidecar-{linux,win32,darwin}-*-"${tag#v}".tgz)
  if [ -z "${NODE_AUTH_TOKEN:-}${DRY_RUN:-}" ]; then
    echo "Nothing was published: NODE_AUTH_TOKEN is not set."
    return
  fi
  # npm reads the token from the environment when it needs it: the file names the variable alone.
  local registry package
  registry=$(npm config get registry)
  printf '//%s:_authToken=${NODE_AUTH_TOKEN}\n' "${registry#*://}" >"$scratch"
  for package in "${platforms[@]}" "${bridge[@]}"; do
    run npm publish "./$package" --access public --provenance --userconfig "$scratch"
  done
}

case $where in
  github) github ;;
  npm) npm_packages ;;
  *) echo "publish.sh: github or npm, not $where" >&2; exit 2 ;;
esac
