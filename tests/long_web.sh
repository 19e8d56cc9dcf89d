#!/bin/sh
# long_web.sh: out/web/latent.html, as `make web` has made it, with every control of every network moved by mouse, finger and
# keys, and the whole self-test at 1280 and at 390 pixels.  TAP, from the project's root.

. tests/tap.sh
page=out/web/latent.html chromium=
for name in chromium chromium-browser google-chrome; do [ -z "$chromium" ] && have $name && chromium=$name; done
if [ ! -s $page ] || [ -z "$chromium" ] || ! perl -MJSON::PP -e 1 2>/dev/null; then
    skip "needs $page (make web), chromium and perl's JSON::PP"
    echo "1..$n"
    exit $failed
fi
for hand in mouse finger keys; do
    perl tests/hands.pl $chromium "file://$root/$page" $hand > "$dir/tap" 2> "$dir/said"
    ok $? "every control of every network moved by $hand, $(grep -c '^ok' "$dir/tap") checks" "$dir/said"
    grep '^not ok' "$dir/tap" | sed 's/^/# /'
done
for size in '1280 900' '390 844'; do
    perl tests/browser.pl $chromium "file://$root/$page#selftest" $size > "$dir/tap" 2> "$dir/said"
    ok $? "the self-test at $size" "$dir/said"
    grep '^not ok\|^#' "$dir/tap" | sed 's/^/# /'
done
echo "1..$n"
exit $failed
