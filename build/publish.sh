#!/usr/bin/env bash
# Publishes what lies in dist/packages: `publish.sh npm v0.1.0`, then `publish.sh github v0.1.0`. What is public already
# is left alone: after a failure, run the same again with the same files. Where other bytes are public under the same
# name it fails. DRY_RUN=1 prints the commands instead, and asks nobody.
set -euo pipefail
cd "$(dirname "$0")/.."

where=${1:?npm or github}
tag=${2:?the tag, such as v0.1.0}
version=${tag#v}
pre=
case $version in *-*) pre=yes ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() {
  printf '+ %s\n' "$*"
  [ -n "${DRY_RUN:-}" ] || "$@"
}

# What a program answers; nothing where it fails, as both do for what is not there yet.
ask() { [ -n "${DRY_RUN:-}" ] || "$@" 2>/dev/null || true; }

differs() {
  echo "$1 is public with other bytes. Run again only the jobs that failed, or release under a new version." >&2
  exit 1
}

# The release is a draft until all its files are there. One that somebody made public gets those that it lacks.
github() {
  local draft file
  draft=$(ask gh release view "$tag" --json isDraft --jq .isDraft)
  if [ "$draft" = false ]; then
    mkdir "$work/public"
    ask gh release download "$tag" --dir "$work/public"
    for file in dist/packages/*; do
      if [ ! -e "$work/public/${file##*/}" ]; then
        run gh release upload "$tag" "$file"
      elif ! cmp -s "$file" "$work/public/${file##*/}"; then
        differs "${file##*/} of the release $tag"
      fi
    done
    echo "The release $tag is public."
    return
  fi
  python3 build/release.py notes --tag "$tag" >"$work/notes"
  [ "$draft" = true ] \
    || run gh release create "$tag" --draft ${pre:+--prerelease} --title "$tag" --notes-file "$work/notes" --verify-tag
  run gh release upload "$tag" --clobber dist/packages/*
  run gh release edit "$tag" --draft=false
}

npm_packages() {
  if [ -z "${NODE_AUTH_TOKEN:-}${DRY_RUN:-}" ]; then
    echo "Nothing was published: NODE_AUTH_TOKEN is not set."
    return
  fi
  # npm reads the token from the environment when it needs it: the file names the variable alone.
  local registry name file integrity public
  registry=$(npm config get registry)
  printf '//%s:_authToken=${NODE_AUTH_TOKEN}\n' "${registry#*://}" >"$work/npmrc"
  while read -r name file integrity <&3; do
    public=$(ask npm view "$name@$version" dist.integrity --userconfig "$work/npmrc")
    if [ "$public" = "$integrity" ]; then
      echo "$name $version is public already."
    elif [ -n "$public" ]; then
      differs "$name $version"
    else
      run npm publish "./$file" --access public --provenance ${pre:+--tag next} --userconfig "$work/npmrc"
    fi
  done 3<<<"$packages"
}

packages=$(python3 build/release.py packages --tag "$tag")
case $where in
  github) github ;;
  npm) npm_packages ;;
  *) echo "publish.sh: npm or github, not $where" >&2; exit 2 ;;
esac
