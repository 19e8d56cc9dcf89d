#!/bin/sh
# test_verify.sh: the numbers and listings on the lessons' pages are those of the programs, the quick modes give them again,
# and a wrong number is noticed.  TAP, from the project's root.  Real data is used where $AUTOENC_DATA has it.

. tests/tap.sh

# The lessons read unpacked files.
if [ -n "$AUTOENC_DATA" ]; then
    for set in mnist emnist; do
        mkdir -p "$dir/data/$set"
        for f in "$AUTOENC_DATA/$set"/*-ubyte*; do
            [ -f "$f" ] || continue
            case $f in
            *.gz) name=$(basename "$f" .gz); [ -f "$dir/data/$set/$name" ] || gzip -dc "$f" > "$dir/data/$set/$name" ;;
            *)    ln -sf "$(cd "$(dirname "$f")" && pwd)/$(basename "$f")" "$dir/data/$set/" ;;
            esac
        done
    done
    AUTOENC_DATA=$dir/data
    export AUTOENC_DATA
fi

# ---- pages ----

perl lessons/pages.pl --check > "$dir/check" 2>&1
ok $? "numbers and listings of the pages are up to date: make pages" "$dir/check"
for source in lessons/lesson[0-9][0-9]_*.c; do
    lesson=$(basename "$source" | cut -d_ -f1)
    [ -f "lessons/$lesson.md" ]; ok $? "$lesson has a page"
    [ "$(wc -l < "$source")" -le 300 ]; ok $? "$lesson has at most 300 lines"
done
pages="lessons/lesson[0-9][0-9].md lessons/README.md lessons/mistakes.md lessons/gpu.md README.md"
{ grep -o '([A-Za-z./_0-9]*\.\(png\|md\|c\|h\|tsv\|cu\))' $pages | tr -d '()'; grep -o 'src="[^"]*"' $pages | sed 's/src="//; s/"//'; } | sort -u > "$dir/links"
while IFS=: read -r page link; do
    [ -e "$(dirname "$page")/$link" ] || echo "$page: $link"
done < "$dir/links" > "$dir/lost"
[ -s "$dir/links" ] && [ ! -s "$dir/lost" ]; ok $? "every picture and file that a page links is there" "$dir/lost"
for source in lessons/lesson[0-9][0-9]_*.c; do              # a row is: link, picture, document, minutes, loss, difficulty
    lesson=$(basename "$source" | cut -d_ -f1)
    grep -E "^\\| \\[[0-9]{2} [^]]+\\]\\($lesson\\.md\\) \\| <img src=\"pictures/${lesson}_[a-z_0-9]+\\.png\" [^|]*\\| [^|]+ \\| [0-9.]+( \\([^)]*\\))? \\| [^|]*[0-9] ?<!--/-->[^|]*\\| [^|]+ \\|\$" lessons/README.md | wc -l > "$dir/rows"
    [ "$(cat "$dir/rows")" -eq 1 ]; ok $? "$lesson has a row in the table of lessons/README.md, with all six cells"
    [ "$(grep -c "($lesson.md)" lessons/README.md)" -gt 1 ]; ok $? "$lesson is on a path through the course"
    grep -q "^| .*(lessons/$lesson.md)" README.md; ok $? "$lesson has a row in README.md"
done
! grep -n '…<!--/-->' lessons/README.md lessons/lesson[0-9][0-9].md > "$dir/open"; ok $? "no page waits for a number" "$dir/open"

# ---- the quick modes, on the built-in strokes and on real data ----

perl lessons/verify.pl --quick > "$dir/verify" 2>&1
status=$?
sed -n 's/^ok [0-9]* - /0 /p; s/^not ok [0-9]* - /1 /p' "$dir/verify" > "$dir/numbers"
while read -r bad name; do ok "$bad" "$name" "$dir/verify"; done < "$dir/numbers"
ok $status "verify.pl --quick ends well" "$dir/verify"
[ -s "$dir/numbers" ]; ok $? "verify.pl compared something" "$dir/verify"

# ---- a wrong number must not pass: a copy of the tree, with one digit changed ----

mkdir -p "$dir/tree/data"
cp -r autoenc.h Makefile grader lessons plots "$dir/tree"
cp data/strokes.h "$dir/tree/data"
verify="perl $dir/tree/lessons/verify.pl lesson00"
AUTOENC_DATA= $verify > "$dir/right" 2>&1
[ $? -eq 0 ]; ok $? "the right numbers pass in a copy of the tree" "$dir/right"
awk -F '\t' -v OFS='\t' '$1 == "lesson00" && $2 ~ /--quick/ && $3 == "test_loss" { $4 = $4 * 1.0001 } { print }' lessons/expected.tsv > "$dir/tree/lessons/expected.tsv"
$verify > "$dir/wrong" 2>&1
[ $? -eq 1 ]; ok $? "a number that is wrong by a ten-thousandth does not" "$dir/wrong"
cp lessons/lesson00.md "$dir/page"
sed 's/\(| ours |[^>]*-->\)[0-9]/\19/' "$dir/page" > "$dir/tree/lessons/lesson00.md"
perl "$dir/tree/lessons/pages.pl" --check lesson00 > "$dir/stale" 2>&1
[ $? -eq 1 ]; ok $? "nor does a page with a number typed by hand" "$dir/stale"

echo "1..$n"
exit $failed
