# build.sh: compiles autoenc_cuda.cu for the processor.  Read by test_cuda.sh and long_cuda_faults.sh after tap.sh.

CXX=${CXX:-g++}
fast=-march=native                                    # fmaf as an instruction; without it the numbers are the same, and slow
echo 'int main(void) { return 0; }' > "$dir/fast.c"
${CC:-cc} $fast -o "$dir/fast" "$dir/fast.c" > /dev/null 2>&1 || fast=

# shim_object OBJECT SOURCE FLAGS...: the .cu, unchanged, against tests/shim
shim_object() {
    object=$1 source=$2
    shift 2
    $CXX -x c++ -std=c++17 $fast -ffp-contract=off -Wall -Wextra -Werror "$@" -Itests/shim -I. -c -o "$object" "$source"
}
# program NAME OBJECTS... -- FLAGS...: tests/NAME.c linked with it
program() {
    name=$1 objects=
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do objects="$objects $1"; shift; done
    [ $# -eq 0 ] || shift
    ${CC:-cc} -O2 "$@" -I. -c -o "$dir/$name.o" "tests/$name.c" && $CXX "$@" -o "$dir/$name" "$dir/$name.o" $objects $LIBS
}
