#!/bin/sh
# long_mutate.sh: small faults in autoenc.h, and whether the tests notice: see mutate.pl.
exec perl tests/mutate.pl
