#!/bin/sh
# long_fuzz.sh: tests/test_fuzz.sh for longer.  TAP, from the project's root.
exec sh tests/test_fuzz.sh 90
