#!/bin/sh
# test_install.sh: for people who only want the header: make install, and a program built through pkg-config and through CMake;
# make dist, twice, from two clones; make doctor.  Prints TAP.  What is not installed is skipped.  Run from the root.

. tests/tap.sh

version=$(sed -n 's/^#define AE_VERSION "\(.*\)"$/\1/p' autoenc.h)
grep -q "^## $version" CHANGES.md
ok $? "CHANGES.md knows version $version"

# With DESTDIR the prefix in the files stays the final one.
make -s install PREFIX="$dir/final" > "$dir/said" 2>&1
ok $? 'make install' "$dir/said"
make -s install DESTDIR="$dir/stage" PREFIX=/opt/autoenc > "$dir/said" 2>&1 && [ -f "$dir/stage/opt/autoenc/include/autoenc.h" ] &&
    grep -q '^prefix=/opt/autoenc$' "$dir/stage/opt/autoenc/share/pkgconfig/autoenc.pc"
ok $? '... with DESTDIR, which is in no file' "$dir/said"

mkdir "$dir/project" && sed 's|"../autoenc.h"|<autoenc.h>|' examples/sensors.c > "$dir/project/sensors.c"
cd "$dir/project" || exit 1
if have pkg-config; then
    export PKG_CONFIG_PATH="$dir/final/share/pkgconfig"
    [ "$(pkg-config --modversion autoenc)" = "$version" ]
    ok $? "pkg-config: version $version"
    ${CC:-cc} -std=c99 -O0 $(pkg-config --cflags autoenc) -o by_pkg sensors.c $(pkg-config --libs autoenc) > "$dir/said" 2>&1 && [ -x by_pkg ]
    ok $? '... a program is built by what it says' "$dir/said"
else skip 'pkg-config is not installed'; fi
if have cmake; then
    printf 'cmake_minimum_required(VERSION 3.10)\nproject(sensors C)\nfind_package(autoenc %s REQUIRED)\nadd_executable(by_cmake sensors.c)\ntarget_link_libraries(by_cmake autoenc::autoenc)\n' "$version" > CMakeLists.txt
    cmake -S . -B b -DCMAKE_PREFIX_PATH="$dir/final" > "$dir/said" 2>&1 && cmake --build b >> "$dir/said" 2>&1 && ./b/by_cmake > "$dir/ran" 2>&1 && grep -q 'epoch 50' "$dir/ran"
    ok $? 'CMake: find_package(autoenc), and the program runs' "$dir/said"
    sed 's/find_package(autoenc [^ ]*/find_package(autoenc 99.0/' CMakeLists.txt > "$dir/c" && mkdir other && cp sensors.c other/ && mv "$dir/c" other/CMakeLists.txt
    ! cmake -S other -B b2 -DCMAKE_PREFIX_PATH="$dir/final" > "$dir/said" 2>&1
    ok $? '... and version 99 is refused' "$dir/said"
else skip 'cmake is not installed'; fi
cd "$root" || exit 1
make -s uninstall PREFIX="$dir/final" > "$dir/said" 2>&1; [ -z "$(find "$dir/final" -type f)" ]
ok $? 'make uninstall leaves no file' "$dir/said"

if have git && git rev-parse HEAD > /dev/null 2>&1; then
    for k in 1 2; do
        git clone -q . "$dir/clone$k" && (cd "$dir/clone$k" && umask 00$((k * 22)) && make -s dist DIST="$dir/dist$k") >> "$dir/said" 2>&1
    done
    cmp "$dir/dist1/autoenc-$version.tar.gz" "$dir/dist2/autoenc-$version.tar.gz" > "$dir/said" 2>&1 && tar tzf "$dir/dist1/autoenc-$version.tar.gz" | grep -q "^autoenc-$version/autoenc.h$"
    ok $? 'make dist: the same bytes from two clones' "$dir/said"
else skip 'no clone: make dist needs one'; fi
make -s handout DIST="$dir/h1" > "$dir/said" 2>&1 && touch exercises/README.md && make -s handout DIST="$dir/h2" >> "$dir/said" 2>&1 &&
    cmp "$dir/h1/autoenc-exercises.tar.gz" "$dir/h2/autoenc-exercises.tar.gz" >> "$dir/said" 2>&1
ok $? 'make handout: the same bytes twice' "$dir/said"

# The devcontainer installs what the README's line does; it is JSON without comments.
packages() { sed -n "s/.*apt-get install -y \([a-z0-9. -]*\).*/\1/p" "$1" | head -n 1; }
missing=; for p in $(sed -n 's/ && sh data.*//p' README.md > "$dir/line"; packages "$dir/line"); do case " $(packages .devcontainer/devcontainer.json) " in *" $p "*) ;; *) missing="$missing $p" ;; esac; done
[ -n "$(packages "$dir/line")" ] && [ -z "$missing" ] && perl -MJSON::PP -0777 -ne 'exit !(decode_json($_)->{image} =~ /^debian:/)' .devcontainer/devcontainer.json
ok $? "the devcontainer has what the README installs: missing${missing:- nothing}"

make -s doctor > "$dir/doctor" 2>&1 && grep -q '^compiler *ok' "$dir/doctor" && grep -q '^data ' "$dir/doctor"
ok $? 'make doctor' "$dir/doctor"
make -s doctor CC=no-such-compiler > "$dir/doctor" 2>&1; [ $? -ne 0 ] && grep -q '^compiler *NO .*make deps' "$dir/doctor"
ok $? '... notices a missing compiler and says what to do' "$dir/doctor"

echo "1..$n"
exit $failed
