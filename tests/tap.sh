# tap.sh: what the shell tests share; sourced from the root of the repository.  A scratch folder, and the lines of TAP.

root=$(pwd)
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
WARN='-Wall -Wextra -Wpedantic -Werror'
LIBS='-lm -lpthread'
n=0
failed=0

ok() {      # ok STATUS NAME [FILE with what was said]
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then echo "ok $n - $2"; return 0; fi
    echo "not ok $n - $2"
    failed=1
    if [ -n "$3" ] && [ -s "$3" ]; then head -n 15 "$3" | sed 's/^/# /'; fi
}

skip() { n=$((n + 1)); echo "ok $n # SKIP $1"; }

# Where a script takes names of its parts in $only: is this one asked for?  All are if none is named.
wanted() { [ -z "$only" ] && return 0; case " $only " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }

have() { command -v "$1" >/dev/null 2>&1; }
