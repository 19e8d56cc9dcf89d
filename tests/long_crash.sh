#!/bin/sh
# long_crash.sh: a hundred kills over one run, each within six seconds of its start.  TAP, from the project's root.
exec sh tests/test_crash.sh 100 300 6
