#!/bin/sh
# doctor.sh: what is here, and what to do about what is not: a line each.  make doctor; bug reports ask for it.
# Exit status: 0 if the lessons can be built, 3 if not.

CC=${CC:-cc}
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
bad=0
line() { printf '%-10s %-4s %s\n' "$1" "$2" "$3"; }
have() { command -v "$1" >/dev/null 2>&1; }

line autoenc ok "$(sed -n 's/^#define AE_VERSION "\(.*\)"$/\1/p' autoenc.h)$(git log -1 --format=', commit %h' 2>/dev/null)"
line system ok "$(uname -s -r -m)"

# The compiler is asked to make a program, not only for its name; the program says what the library finds here.
printf '#define AUTOENC_IMPLEMENTATION\n#include "autoenc.h"\n#include <stdio.h>\nint main(void) { ae_ctx *ae = ae_new(NULL); if (!ae) return 1; printf("%%s\\n", ae_machine(ae)); ae_free(ae); return 0; }\n' > "$dir/try.c"
if ! have "${CC%% *}"; then line compiler NO "$CC is not installed: make deps, or CC=clang make doctor"; bad=3
elif $CC -std=c99 -O0 -I. -o "$dir/try" "$dir/try.c" -lm -lpthread > "$dir/said" 2>&1; then line compiler ok "$($CC --version | head -n 1)"
else line compiler NO "$($CC --version | head -n 1) cannot build a program: $(head -n 1 "$dir/said")"; bad=3; fi
if [ -x "$dir/try" ]; then
    machine=$("$dir/try" 2>&1) && line processor ok "$machine" || { line processor NO "a program was built but does not run: $machine"; bad=3; }
    case $machine in *avx*|*neon*) ;; *) line '' '' "no vector instructions that we know: everything works, slowly" ;; esac
fi
line cores ok "$( (nproc || sysctl -n hw.ncpu || getconf _NPROCESSORS_ONLN) 2>/dev/null | head -n 1); --threads N says how many a lesson takes"
if have make; then line make ok "$(make --version 2>/dev/null | head -n 1)"; else line make NO "make deps, or your package manager"; bad=3; fi
if have gnuplot; then line gnuplot ok "$(gnuplot --version)"; else line gnuplot --- "no pictures as PNG; the lessons draw in the terminal.  make deps installs it"; fi
if have prove; then line prove ok "make test can run"; else line prove --- "only for make test; it comes with perl: make deps"; fi

# Data, where the lessons look for them.
found=
for d in "$AUTOENC_DATA" data; do
    [ -n "$d" ] || continue
    for f in "$d/mnist/train-images-idx3-ubyte" "$d/train-images-idx3-ubyte"; do [ -z "$found" ] && [ -f "$f" ] && found=$d; done
done
if [ -n "$found" ]; then line data ok "MNIST in $found"; else line data --- "no MNIST in ${AUTOENC_DATA:+\$AUTOENC_DATA or }data/: make data gets it; without, lessons train on drawn digits"; fi
if have nvidia-smi && nvidia-smi -L > "$dir/gpu" 2>/dev/null; then
    have "${NVCC:-nvcc}" && line GPU ok "$(head -n 1 "$dir/gpu" | cut -d'(' -f1); make lesson03 CUDA=1" || line GPU --- "$(head -n 1 "$dir/gpu" | cut -d'(' -f1), but no nvcc: install CUDA's toolkit to use it"
else line GPU --- "no NVIDIA card: nothing needs one"; fi
if [ -x ./grade ]; then line grader ok "$(./grade --describe 2>/dev/null)"; else line grader --- "make grade builds it"; fi
exit $bad
