#!/bin/sh
# test_site.sh: `make site` says what is missing; and with pandoc, every page, figure, link and anchor of the site is there, and
# nothing is loaded from elsewhere (tests/site.pl).  That the check can fail is checked with planted faults; what only a browser
# knows is in long_site.sh.  TAP, from the project's root.

. tests/tap.sh

PANDOC=no-such-pandoc perl site/build.pl --to "$dir/none" > "$dir/said" 2>&1
[ $? -eq 3 ] && grep -q 'apt-get install pandoc' "$dir/said" && [ ! -e "$dir/none" ]; ok $? "without pandoc, make site says what to install" "$dir/said"
perl site/build.pl --nonsense > "$dir/said" 2>&1; [ $? -eq 2 ]; ok $? "an unknown option is refused" "$dir/said"
mkdir "$dir/home" && echo precious > "$dir/home/file"
if ! have pandoc; then skip "pandoc is not installed"; echo "1..$n"; exit $failed; fi
perl site/build.pl --to "$dir/home" > "$dir/said" 2>&1; [ $? -eq 2 ] && [ -s "$dir/home/file" ]; ok $? "a folder that is no site is not replaced" "$dir/said"

perl site/build.pl --to "$dir/site" > "$dir/said" 2>&1; ok $? "the site is made, without a warning" "$dir/said"
perl tests/site.pl "$dir/site" > "$dir/said" 2>&1; ok $? "all its pages, figures, links and anchors are right" "$dir/said"
for lesson in lessons/lesson[0-9][0-9].md lessons/README.md lessons/gpu.md lessons/browser.md lessons/mistakes.md exercises/README.md teacher/README.md SECURITY.md; do
    page=$(echo "$dir/site/$lesson" | sed 's|README.md$|index.html|; s|\.md$|.html|')
    [ -s "$page" ] || echo "$lesson has no page"
    case $lesson in lessons/lesson*) grep -q '<math' "$page" || echo "$page has no equation" ;; esac
done > "$dir/said"
[ ! -s "$dir/said" ]; ok $? "each page in Markdown has one, those of the lessons with equations" "$dir/said"

# plant NAME WHAT-IS-SAID FILE PERL: one fault in a copy of one page, seen by the check and by its name.
plant() {
    cp "$dir/site/$3" "$dir/kept"
    perl -0pi -e "$4" "$dir/site/$3"
    ! cmp -s "$dir/kept" "$dir/site/$3" && ! perl tests/site.pl "$dir/site" > "$dir/said" && grep -q "$2" "$dir/said"
    ok $? "planted and found: $1" "$dir/said"
    cp "$dir/kept" "$dir/site/$3"
}
plant 'a link to nothing'         'links to lesson99.html' lessons/lesson01.html 's/href="lesson02.html"/href="lesson99.html"/'
plant 'an anchor that is gone'    'no such anchor'         lessons/lesson03.html 's/id="how-good-is-a-map"/id="x"/'
plant 'two anchors of one name'   'two places are called'  lessons/lesson03.html 's/id="how-good-is-a-map"/id="run"/'
plant 'a figure that is missing'  'links to pictures/no'   lessons/lesson05.html 's|pictures/lesson05_loss|pictures/no|'
plant 'a figure without a text'   'has no text'            lessons/lesson05.html 's/(<img[^>]*) alt="[^"]*"/$1 alt=""/'
plant 'a picture from elsewhere'  'loads https:'           lessons/lesson05.html 's|src="pictures|src="https://example.org|'
plant 'a script'                  'has a <script>'         index.html            's|</body>|<script>0</script></body>|'
plant 'a font from elsewhere'     'by a style'             site.css              's|^|\@import url(https://example.org/a.css);|'
plant 'a second h1'               'has 2 h1'               index.html            's|</main>|<h1>More</h1></main>|'
plant 'no title'                  'has no title'           index.html            's|<title>.*?</title>|<title></title>|s'
plant 'no description'            'has no description'     index.html            's|name="description"|name="x"|'
plant 'a description twice'       'has the description of' lessons/lesson05.html 's|(name="description" content=").*?"|$1A small network learns to draw digits from 16 numbers. Nothing has to be downloaded: the program draws its own digits."|s'
plant 'an equation left as TeX'   'left as TeX'            lessons/lesson05.html 's|<p>|<p>\$a \\cdot b\$ |'
plant 'a comment that is shown'   'comment is shown'       lessons/lesson05.html 's|<p>|<p>&lt;!--= --full|'
perl tests/site.pl "$dir/site" > "$dir/said" 2>&1; ok $? "and nothing else was found" "$dir/said"

echo "1..$n"
exit $failed
