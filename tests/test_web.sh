#!/bin/sh
# test_web.sh: `make web` says what is missing; and with a compiler for WebAssembly and Chromium, the page made from three
# small models opens from a file at a phone's width and passes its self-test: every control, and the lessons' own numbers.
# TAP, from the project's root.

. tests/tap.sh
web() { perl web/build.pl --to "$dir/latent.html" "$@" > "$dir/said" 2>&1; }

WASM_CC=false perl web/build.pl --models "$dir/none" --to "$dir/latent.html" > "$dir/said" 2>&1
[ $? -eq 3 ] && grep -q 'apt-get install clang lld wasi-libc' "$dir/said"; ok $? "without a compiler for WebAssembly, make web says what to install" "$dir/said"
web --nonsense; [ $? -eq 2 ]; ok $? "an unknown option is refused" "$dir/said"
web --models "$dir/none"; [ $? -eq 3 ]; ok $? "without models it ends with status 3" "$dir/said"
if grep -q 'found none' "$dir/said"; then
    skip "no clang that compiles for WebAssembly: clang, lld, wasi-libc, libclang-rt-dev-wasm32"
    echo "1..$n"
    exit $failed
fi
[ "$(grep -c 'has not been run here' "$dir/said")" -eq 3 ] && grep -q 'make lesson06 && ./lesson06' "$dir/said"; ok $? "and names the three lessons to run" "$dir/said"

# ---- small models on the built-in strokes ----

make -s lesson03 lesson06 lesson07 > "$dir/said" 2>&1; ok $? "the lessons build" "$dir/said"
for l in 03 06 07; do
    more=; [ $l = 06 ] && more='--iwae 1'
    ./lesson$l --quick --epochs 1 $more --synthetic --no-plot --no-progress --out "$dir/models/lesson$l" > "$dir/said" 2>&1
    ok $? "lesson $l trains" "$dir/said"
done
web --models "$dir/models"; ok $? "the page is made" "$dir/said"
grep -Eq '(src|href)="?(https?:|//|/)' "$dir/latent.html"; [ $? -eq 1 ]; ok $? "it asks for no other file"
cp "$dir/latent.html" "$dir/first.html"
web --models "$dir/models" && cmp -s "$dir/first.html" "$dir/latent.html"; ok $? "the same models give the same page" "$dir/said"
sed -i.old 's/"data": "strokes"/"data": "mnist"/' "$dir/models/lesson06/run.json"
web --models "$dir/models"; [ $? -eq 3 ] && grep -q 'not trained on the same data' "$dir/said"; ok $? "models of different data are refused" "$dir/said"

# ---- in a browser ----

chromium=
for name in chromium chromium-browser google-chrome; do [ -z "$chromium" ] && have $name && chromium=$name; done
if [ -z "$chromium" ]; then
    skip "chromium is not installed"
elif ! perl -MJSON::PP -e 1 2>/dev/null; then
    skip "perl's JSON::PP is not installed"
else
    perl tests/browser.pl $chromium "file://$dir/latent.html#selftest" 390 844 > "$dir/tap" 2> "$dir/said"
    ok $? "the page passes its self-test, 390 pixels wide" "$dir/said"
    sed 's/^/# /' "$dir/tap" | grep -v '^# ok'
    [ "$(grep -c '^ok' "$dir/tap")" -gt 100 ]; ok $? "which has more than 100 checks"
    perl tests/browser.pl $chromium "file://$root/web/latent.html" 1280 900 > /dev/null 2> "$dir/said"
    [ $? -eq 1 ] && grep -q 'make web' "$dir/said"; ok $? "the template says that it is one" "$dir/said"
fi

echo "1..$n"
exit $failed
