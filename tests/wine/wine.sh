#!/usr/bin/env bash
# Runs a Windows program in the prefix that get-python.sh made: wine.sh PROGRAM ARGUMENTS
# A Windows Python refuses a Linux file as its stderr, so that becomes a pipe.
here=$(cd "$(dirname "$0")" && pwd)
export WINEPREFIX=$here/node_modules/.wine/prefix WINEARCH=win64 WINEDEBUG=-all WINEDLLOVERRIDES=mscoree,mshtml=
export LC_ALL=C.UTF-8 # for names of files
exec wine "$@" 2> >(exec cat >&2)
