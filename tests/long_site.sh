#!/bin/sh
# long_site.sh: every page of `make site` in Chromium, as wide as a desk and as narrow as a phone, light and dark, and printed;
# see tests/site_browser.pl.  Each kind of fault is planted and found once.  TAP, from the project's root.

. tests/tap.sh

chromium=
for name in chromium chromium-browser google-chrome; do [ -z "$chromium" ] && have $name && chromium=$name; done
[ -n "$chromium" ] && have pandoc && perl -MJSON::PP -e 1 2>/dev/null || { skip "pandoc, chromium or perl's JSON::PP is not installed"; echo "1..$n"; exit 0; }
look() { perl tests/site_browser.pl $chromium "$@"; }

perl site/build.pl --to "$dir/site" > "$dir/said" 2>&1; ok $? "the site is made" "$dir/said"
look "$dir/site" > "$dir/said" 2>&1; ok $? "every page at 1280 and 390 pixels: nothing too wide, all pictures there, no error, no request" "$dir/said"
DARK=1 look "$dir/site" 360 > "$dir/said" 2>&1; ok $? "... and in the dark on the narrowest of phones" "$dir/said"
look "$dir/site" --look lessons/lesson01.html "$dir/print.pdf" 1280 && [ "$(head -c 5 "$dir/print.pdf")" = '%PDF-' ]; ok $? "a lesson is printed"

# plant NAME WHAT-IS-SAID PERL: one fault on one page, alone in a copy of the site.
mkdir -p "$dir/one/lessons" && cp -R "$dir/site/lessons/pictures" "$dir/one/lessons/" && cp "$dir/site/site.css" "$dir/one/"
plant() {
    cp "$dir/site/lessons/lesson05.html" "$dir/one/lessons/" && cp "$dir/site/site.css" "$dir/one/"
    perl -0pi -e "$3" "$dir/one/$4"
    ! look "$dir/one" 390 > "$dir/said" 2>&1 && grep -q "$2" "$dir/said"
    ok $? "planted and found: $1" "$dir/said"
}
page=lessons/lesson05.html
cp "$dir/site/$page" "$dir/one/lessons/" && look "$dir/one" 390 > "$dir/said" 2>&1; ok $? "without a fault it has none" "$dir/said"
plant 'a table outside of its box'   'the page is'              's/<div class="scroll">/<div>/g' $page
plant 'listings that do not scroll'  'wider than the window'    's/overflow-x: auto; line-height/line-height/' site.css
plant 'a picture that is no picture' 'not loaded: lesson05'     's|pictures/lesson05_loss.png|lesson05.html|' $page
plant 'a missing picture'            'a request failed'         's|pictures/lesson05_loss.png|pictures/no.png|' $page
plant 'an error on the console'      'on the console: lost'     's|</body>|<script>console.error("lost")</script></body>|' $page
plant 'a script that throws'         'thrown:'                  's|</body>|<script>nothing.at.all</script></body>|' $page
plant 'a request to another place'   'asked for http://127.0.0.1:9' 's|</body>|<img src="http://127.0.0.1:9/a.png" alt="a"></body>|' $page
plant 'an equation without a size'   'has no size'              's|</body>|<div style="display: none"><math><mi>x</mi></math></div></body>|' $page

echo "1..$n"
exit $failed
