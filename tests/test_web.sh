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
rm -f build/web/*.wasm
web --models "$dir/models" && cmp -s "$dir/first.html" "$dir/latent.html"; ok $? "the same models give the same page, compiled anew" "$dir/said"
sed -i.old 's/"data": "strokes"/"data": "mnist"/' "$dir/models/lesson06/run.json"
web --models "$dir/models"; [ $? -eq 3 ] && grep -q 'not trained on the same data: lesson 03 on strokes, lesson 06 on mnist' "$dir/said"; ok $? "models of different data are refused" "$dir/said"
cmp -s "$dir/first.html" "$dir/latent.html"; ok $? "and the page that was there is still there"
mv "$dir/models/lesson06/run.json.old" "$dir/models/lesson06/run.json"
mkdir "$dir/folder.html"
perl web/build.pl --models "$dir/models" --to "$dir/folder.html" > "$dir/said" 2>&1
[ $? -eq 3 ] && grep -q 'could not be written: .*folder.html' "$dir/said" && [ ! -e "$dir/folder.html.part" ] && ! grep -q ' line ' "$dir/said"; ok $? "a page that cannot be written ends with status 3 and says which" "$dir/said"
perl web/build.pl --models "$dir/models" --to "$dir/said/a/latent.html" > "$dir/said2" 2>&1
[ $? -eq 3 ] && ! grep -q ' line ' "$dir/said2"; ok $? "so does a folder that cannot be made" "$dir/said2"

# Each sentence that sends a student to a lesson, in double quotes, finds the words there.
grep -o 'lesson [367], "[^"]*"' web/latent.html | sort -u > "$dir/named"
while read -r _ l words; do
    l=${l%,}; words=${words#\"}; words=${words%\"}
    grep -qiF -- "$words" "lessons/lesson0$l.md" || echo "lesson $l has no \"$words\""
done < "$dir/named" > "$dir/said"
[ "$(wc -l < "$dir/named")" -ge 10 ] && [ ! -s "$dir/said" ]; ok $? "what the page says of the lessons' pages stands there" "$dir/said"

# ---- in a browser ----

chromium=
for name in chromium chromium-browser google-chrome; do [ -z "$chromium" ] && have $name && chromium=$name; done
if [ -z "$chromium" ]; then
    skip "chromium is not installed"
elif ! perl -MJSON::PP -e 1 2>/dev/null; then
    skip "perl's JSON::PP is not installed"
else
    browser() { perl tests/browser.pl $chromium "$@" > "$dir/tap" 2> "$dir/said"; }
    offline=                                             # a network with nothing in it, where the system lends one
    for how in 'unshare -n' 'unshare -rn'; do [ -z "$offline" ] && $how true 2>/dev/null && offline=$how; done
    $offline perl tests/browser.pl $chromium "file://$dir/latent.html#selftest=numbers,map,ten,pad,walk,units,access" 390 844 > "$dir/tap" 2> "$dir/said"
    ok $? "the page passes its self-test, 390 pixels wide${offline:+, without a network}" "$dir/said"
    grep '^not ok' "$dir/tap" | sed 's/^/# /'
    [ "$(grep -c '^ok' "$dir/tap")" -gt 150 ]; ok $? "which has more than 150 checks"
    simd=$(grep -c 'WebAssembly with SIMD' "$dir/tap")
    BROWSER_FLAGS=--js-flags=--no-enable-sse4-1 browser "file://$dir/latent.html#selftest=numbers"
    [ $? -eq 0 ] && if [ "$simd" -eq 1 ] && [ "$(uname -m)" = x86_64 ]; then grep -q 'WebAssembly, without SIMD' "$dir/tap"; fi
    ok $? "with SIMD, and in a browser that has none, the same numbers" "$dir/said"

    sed 's#<main class="grid">#<div style="width: 600px">wide</div>&#' "$dir/latent.html" > "$dir/wide.html"
    browser "file://$dir/wide.html#selftest=width" 390 844
    [ $? -eq 1 ] && grep -q '^not ok.*sticks out at a width of 390' "$dir/tap"; ok $? "what is too wide for a telephone is found" "$dir/said"
    sed 's#<main class="grid">#<img src="http://127.0.0.1:9/a.png" alt="">&#' "$dir/latent.html" > "$dir/asks.html"
    browser "file://$dir/asks.html"
    [ $? -eq 1 ] && grep -q 'Content Security Policy' "$dir/said"; ok $? "a page that asks for more is stopped by its own rule" "$dir/said"
    sed '/Content-Security-Policy" content/d' "$dir/asks.html" > "$dir/open.html"
    browser "file://$dir/open.html"
    [ $? -eq 1 ] && grep -q 'asked for: http://127.0.0.1:9/a.png' "$dir/said"; ok $? "and without the rule it is found" "$dir/said"

    for hand in mouse finger keys; do                    # side by side; all networks: tests/long_web.sh
        (perl tests/hands.pl $chromium "file://$dir/latent.html" $hand 1 > "$dir/$hand.tap" 2> "$dir/$hand.said"; echo $? > "$dir/$hand.status") &
    done
    wait
    for hand in mouse finger keys; do
        ok "$(cat "$dir/$hand.status")" "every control moved by $hand" "$dir/$hand.said"
        grep '^not ok' "$dir/$hand.tap" | sed 's/^/# /'
    done
    browser "file://$root/web/latent.html" 1280 900
    [ $? -eq 1 ] && grep -q 'make web' "$dir/said"; ok $? "the template says that it is one" "$dir/said"
fi

echo "1..$n"
exit $failed
