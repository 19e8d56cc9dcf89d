#!/usr/bin/env perl
# build.pl - makes out/web/latent.html, the one file in which a student drags a point and watches the digit change
#
#     perl web/build.pl [--models DIR] [--to FILE] [--data DIR]          `make web`
#
# --models DIR   where the lessons have left their runs (default out): DIR/lesson03, DIR/lesson06 and DIR/lesson07
# --to FILE      the page (default out/web/latent.html)
# --data DIR     the lessons' data, as for the lessons
#
# The page is web/latent.html with everything it needs appended as base64: web/latent.c compiled for WebAssembly, with SIMD
# and without; the models, byte for byte as the lessons saved them; a thousand test images; and what native03, native06
# and native07 say of these, who are the lessons themselves.  The same models give the same page.
# WASM_CC names another compiler: WASM_CC="clang-19 --sysroot=/opt/wasi".
# Exit status: 2 for a wrong option, 3 if the compiler, a model or the data is missing.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use FindBin ();
use Getopt::Long qw(GetOptions);
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use lib "$FindBin::Bin/../lessons";
use Expected;

my $root = dirname($FindBin::Bin);
my $build = "$root/build/web";
my @flags = ("-std=c99", "-O2", "-s", "-mexec-model=reactor", "-nostartfiles", "-Wl,--no-entry");
my %models = (
    '03' => { files => [qw(model.safetensors run.json tsne.tsv)], run => './lesson03' },
    '06' => { files => [qw(model_vae2.safetensors run.json)],     run => './lesson06', note => '    (without --alone)' },
    '07' => { files => [qw(model.safetensors run.json)],          run => './lesson07' });
my @order = sort keys %models;
my %option = (models => 'out', to => 'out/web/latent.html');

sub stop { my ($status, @lines) = @_; print STDERR map { "$_\n" } @lines; exit $status }

# ---- the compiler for WebAssembly ----

# Debian's clang knows where its wasi-libc is; others keep it in a folder of its own.
sub compilers {
    return ($ENV{WASM_CC}) if $ENV{WASM_CC};
    my @homes = grep { -d } '/usr/share/wasi-sysroot', '/opt/homebrew/opt/wasi-libc/share/wasi-sysroot', '/usr/local/opt/wasi-libc/share/wasi-sysroot';
    my @names = ('clang', (map { "clang-$_" } reverse 14 .. 24), '/opt/homebrew/opt/llvm/bin/clang', '/usr/local/opt/llvm/bin/clang');
    return map { my $name = $_; ($name, map { "$name --sysroot=$_" } @homes) } grep { length `command -v $_ 2>/dev/null` } @names;
}

# The first compiler that makes a module of a small program which needs the C library.
sub compiler {
    my $trial = "$build/trial.c";
    Expected::replace($trial, "#include <stdio.h>\n__attribute__((export_name(\"f\"))) int f(double x) { char t[40]; return snprintf(t, sizeof t, \"%g\", x); }\n");
    for my $cc (compilers()) { return $cc if system("$cc --target=wasm32-wasi @flags -o $build/trial.wasm $trial 2> $build/trial.txt") == 0 }
    stop(3, 'make web needs a clang that compiles for WebAssembly, and found none. It can be installed by',
        '    apt-get install clang lld wasi-libc libclang-rt-dev-wasm32        (Debian, Ubuntu)',
        'elsewhere: clang, lld, a wasi-libc, and the builtins of compiler-rt for wasm32;',
        'or named: WASM_CC="clang --sysroot=FOLDER" make web');
}

sub run_or_stop {
    my ($command, $text) = @_;
    my $said = `$command 2>&1`;
    stop(3, $said . $text) if $?;
}

# What was compiled before is used again while nothing that goes into it has changed.
sub fresh {
    my ($target, @more) = @_;
    my $made = (stat $target)[9] // return 0;
    return !grep { (stat)[9] >= $made } @more, "$root/autoenc.h", "$root/web/build.pl", glob "$root/lessons/*.[ch] $root/data/*.h";
}

sub wasm {
    my ($cc, $name, $more) = @_;
    fresh("$build/$name.wasm", "$root/web/latent.c") or run_or_stop("$cc --target=wasm32-wasi $more @flags -o $build/$name.wasm $root/web/latent.c", "web/latent.c does not compile for WebAssembly");
    return Expected::slurp("$build/$name.wasm");
}

# ---- what the lessons left ----

sub missing {
    my @lines;
    for my $l (@order) {
        my @lack = grep { !-s "$option{models}/lesson$l/$_" } @{ $models{$l}{files} };
        push @lines, "lesson $l has not been run here ($option{models}/lesson$l/$lack[0] is missing): make lesson$l && $models{$l}{run}"
            . ($models{$l}{note} // '') if @lack;
    }
    return @lines;
}

# run.json tells on which data, and whether the network is the one that the page knows.
sub facts {
    my %facts = map { $_ => JSON::PP::decode_json(Expected::slurp("$option{models}/lesson$_/run.json")) } @order;
    my %data = map { $facts{$_}{data} => 1 } @order;
    stop(3, 'The three lessons were not trained on the same data: ' . join(', ', map { "lesson $_ on $facts{$_}{data}" } @order) . '.  Run them alike.') if keys %data > 1;
    if ($facts{'07'}{command} =~ /(--(?:bare|batchnorm|unconditional|label-in-loss|slope|activation)\b)/) {
        stop(3, "lesson 07 was run with $1, and the page knows only the network without it: ./lesson07");
    }
    return \%facts;
}

# The size of the code, from the model itself.
sub latent {
    my ($l) = @_;
    my $file = Expected::slurp("$option{models}/lesson$l/$models{$l}{files}[0]");
    my $head = JSON::PP::decode_json(substr $file, 8, unpack('Q<', $file));
    my $name = $l eq '03' ? 'encoder.4.weight' : 'z_mean.weight';
    return ($head->{$name} // stop(3, "$option{models}/lesson$l: there is no $name in its model"))->{shape}[0];
}

# The lesson's own answers: see web/native.h.
sub native {
    my ($l, $facts) = @_;
    my $latent = latent($l);
    my $cc = $ENV{CC} || 'cc';                          # the same bits at any -O, and this compiles fastest
    fresh("$build/native$l", glob "$root/web/native*") or run_or_stop("$cc -O0 -o $build/native$l $root/web/native$l.c -lm -lpthread", "web/native$l.c does not compile");
    my $options = "--load '$option{models}/lesson$l/$models{$l}{files}[0]' --out $build/lesson$l --no-plot";
    $options .= " --latent $latent" if $l eq '07';
    $options .= ' --synthetic' if $facts->{data} eq 'strokes';
    $options .= " --data '$option{data}'" if defined $option{data};
    run_or_stop("$build/native$l $options", "lesson $l: its model could not be used");
    my $said = JSON::PP::decode_json(Expected::slurp("$build/lesson$l/facts.json"));
    stop(3, "lesson $l was trained on $facts->{data}, which is not found now: make data, or AUTOENC_DATA=FOLDER make web") if $said->{data} ne $facts->{data};
    return { latent => $latent, error => $said->{error}, epochs => $facts->{epochs_done}, images => $facts->{train_images} };
}

# The places of the first thousand test images on lesson 03's map.
sub places {
    my (undef, @rows) = split /\n/, Expected::slurp("$option{models}/lesson03/tsne.tsv");
    stop(3, "$option{models}/lesson03/tsne.tsv has only " . @rows . ' points') if @rows < 1000;
    return pack 'f<*', map { (split /\t/)[0, 1] } @rows[0 .. 999];
}

# ---- the page ----

sub block { my ($name, $bytes) = @_; return qq(<script type="text/plain" id="$name">) . encode_base64($bytes, '') . "</script>\n" }

GetOptions(\%option, 'models=s', 'to=s', 'data=s') && !@ARGV or stop(2, 'usage: perl web/build.pl [--models DIR] [--to FILE] [--data DIR]');
make_path($build, dirname($option{to}), { error => \my $refused });
stop(3, map { my ($folder, $why) = %$_; "$folder: $why" } @$refused) if @$refused;
my $cc = compiler();
my @missing = missing();
stop(3, @missing) if @missing;
my $facts = facts();
my %native = map { $_ => native($_, $facts->{$_}) } @order;

my $blocks = block('wasm', wasm($cc, 'latent', '')) . block('wasm-simd', wasm($cc, 'latent-simd', '-msimd128'));
$blocks .= block("model-$_", Expected::slurp("$option{models}/lesson$_/$models{$_}{files}[0]")) for @order;
$blocks .= block($_, Expected::slurp("$build/lesson03/$_.u8")) for qw(images labels);
$blocks .= block("codes-$_", Expected::slurp("$build/lesson$_/codes.f32")) . block("drawn-$_", Expected::slurp("$build/lesson$_/drawn.f32")) for @order;
$blocks .= block('tsne', places());
my $json = JSON::PP->new->canonical;
$blocks .= qq(<script type="application/json" id="facts">) . $json->encode({ data => $facts->{'03'}{data}, lessons => \%native }) . "</script>\n";

my $page = Expected::slurp("$root/web/latent.html");
$page =~ s/^<!-- what make web puts here -->\n/$blocks/m or stop(3, 'web/latent.html has no place for the data');
eval { Expected::replace($option{to}, $page); 1 } or do { chomp(my $why = $@); unlink "$option{to}.part"; stop(3, "the page could not be written: $why") };
printf "%s: %.1f MB, opens by a double click\n", $option{to}, length($page) / 1e6;
