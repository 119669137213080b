#!/usr/bin/env bash
# Publishes what lies in dist/packages: `publish.sh npm v0.1.0`, then `publish.sh github v0.1.0`. What is public already
# is left alone: after a failure, run the same again. DRY_RUN=1 prints the commands instead, and asks nobody.
set -euo pipefail
cd "$(dirname "$0")/.."

where=${1:?npm or github}
tag=${2:?the tag, such as v0.1.0}
version=${tag#v}
pre=
case $version in *-*) pre=yes ;; esac
scratch=$(mktemp)
trap 'rm -f "$scratch"' EXIT

run() {
  printf '+ %s\n' "$*"
  [ -n "${DRY_RUN:-}" ] || "$@"
}

# What a program answers; nothing where it fails, as both do for what is not there yet.
ask() { [ -n "${DRY_RUN:-}" ] || "$@" 2>/dev/null || true; }

# The release is a draft until all its files are there.
github() {
  local draft
  draft=$(ask gh release view "$tag" --json isDraft --jq .isDraft)
  if [ "$draft" = false ]; then
    echo "The release $tag is public already."
    return
  fi
  python3 build/release.py notes --tag "$tag" >"$scratch"
  [ "$draft" = true ] \
    || run gh release create "$tag" --draft ${pre:+--prerelease} --title "$tag" --notes-file "$scratch" --verify-tag
  run gh release upload "$tag" --clobber dist/packages/*
  run gh release edit "$tag" --draft=false
}

npm_packages() {
  if [ -z "${NODE_AUTH_TOKEN:-}${DRY_RUN:-}" ]; then
    echo "Nothing was published: NODE_AUTH_TOKEN is not set."
    return
  fi
  # npm reads the token from the environment when it needs it: the file names the variable alone.
  local registry name file
  registry=$(npm config get registry)
  printf '//%s:_authToken=${NODE_AUTH_TOKEN}\n' "${registry#*://}" >"$scratch"
  while read -r name file <&3; do
    if [ "$(ask npm view "$name@$version" version --userconfig "$scratch")" = "$version" ]; then
      echo "$name $version is public already."
    else
      run npm publish "./$file" --access public --provenance ${pre:+--tag next} --userconfig "$scratch"
    fi
  done 3<<<"$packages"
}

packages=$(python3 build/release.py packages --tag "$tag")
case $where in
  github) github ;;
  npm) npm_packages ;;
  *) echo "publish.sh: npm or github, not $where" >&2; exit 2 ;;
esac
