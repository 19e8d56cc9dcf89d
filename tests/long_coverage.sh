#!/bin/sh
# long_coverage.sh: which lines and branches the tests reach: see coverage.pl.
exec perl tests/coverage.pl
