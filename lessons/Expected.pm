# Expected.pm - the table of expected numbers, and the runs of the lessons that they are compared with
#
# lessons/expected.tsv holds every number that a page prints: lesson, mode (the options of the run, or "default"),
# quantity (a key of run.json; "fc.test_loss" is the one of the network fc), value, tolerance, seed, origin (ours, PyTorch
# or document).  verify.pl compares it with runs, pages.pl writes it into the pages.  Only Perl's own modules are used.

package Expected;
use strict;
use warnings;
use Cwd qw(abs_path);
use Fcntl qw(:flock);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use JSON::PP ();

our $root = dirname(dirname(abs_path(__FILE__)));
our $table = "$root/lessons/expected.tsv";
our @columns = qw(lesson mode quantity value tolerance seed origin);

sub key { my ($row) = @_; return join "\t", map { $row->{$_} } qw(lesson mode quantity seed origin) }

sub slurp {
    my ($path) = @_;
    open my $in, '<', $path or die "$path: $!\n";
    local $/;
    return scalar <$in>;
}

sub replace {                           # a file is written beside and renamed, so nobody ever reads half of it
    my ($path, $text) = @_;
    open my $out, '>', "$path.part" or die "$path.part: $!\n";
    print $out $text;
    close $out or die "$path.part: $!\n";
    rename "$path.part", $path or die "$path: $!\n";
}

# The rows in their order.
sub rows {
    return () unless -e $table;
    my ($head, @lines) = split /\n/, slurp($table);
    $head eq join("\t", @columns) or die "$table: its first line should be: @columns\n";
    my @rows;
    for my $line (@lines) {
        my @cells = split /\t/, $line, -1;
        @cells == @columns or die "$table: not ", scalar @columns, " columns: $line\n";
        my %row;
        @row{@columns} = @cells;
        push @rows, \%row;
    }
    return @rows;
}

# change->(\%rows_by_key) changes the table, one process at a time.
sub update {
    my ($change) = @_;
    make_path("$root/build");
    open my $lock, '>', "$root/build/expected.lock" or die "$root/build/expected.lock: $!\n";
    flock $lock, LOCK_EX;
    my %rows = map { key($_) => $_ } rows();
    $change->(\%rows);
    my @sorted = sort { key($a) cmp key($b) } values %rows;
    replace($table, join '', map { "$_\n" } join("\t", @columns), map { my $r = $_; join "\t", map { $r->{$_} } @columns } @sorted);
}

# What keeps this lesson from its data, or ''.  The numbers of lesson01 are those of the letters named on its page; the official
# collection has more of them, and gives others.  Lesson09 needs both.
sub lacks {
    my ($lesson) = @_;
    return '' if $lesson eq 'lesson00';
    my $digits = $lesson eq 'lesson01' ? '' : lacks_file('mnist', 'train-images-idx3-ubyte', 47040016);
    my $letters = $lesson =~ /^lesson0[19]$/ ? lacks_file('emnist', 'emnist-letters-train-images-idx3-ubyte', 85487376) : '';
    return $digits || $letters;
}

# The same places as the lessons look in, except --data.
sub lacks_file {
    my ($set, $file, $size) = @_;
    my $cache = $ENV{XDG_CACHE_HOME} || ($ENV{HOME} || '') . '/.cache';
    for my $folder (grep { defined && length } $ENV{AUTOENC_DATA}, "$root/data", "$cache/autoenc") {
        for my $path (grep { -e } "$folder/$set/$file", "$folder/$file") {
            return -s $path == $size ? '' : 'the data here is another collection than that of the page';
        }
    }
    return 'its data is not here';
}

sub folder {                            # where a run works; its out/ is there, as it is for a student
    my ($lesson, $mode, $seed) = @_;
    (my $name = "${lesson}_${mode}_$seed") =~ s/[^\w.]+/_/g;
    return "$root/build/verify/$name";
}

# Runs the lesson; returns what run.json says, or dies with the last lines it printed.
sub run {
    my ($lesson, $mode, $seed) = @_;
    my $folder = folder($lesson, $mode, $seed);
    remove_tree($folder);
    make_path($folder);
    local $ENV{AUTOENC_DATA} = defined $ENV{AUTOENC_DATA} && -d $ENV{AUTOENC_DATA} ? abs_path($ENV{AUTOENC_DATA}) : '';
    my $options = $mode eq 'default' ? '' : $mode;
    my $status = system "cd '$folder' && '$root/$lesson' $options --seed $seed --no-progress > output.txt 2> errors.txt < /dev/null";
    die "$lesson $options --seed $seed: status ", $status >> 8, ": ", slurp("$folder/errors.txt"), "\n" if $status;
    my @lost = lost("$folder/out/$lesson");
    die "$lesson $options --seed $seed: @lost: in plots.tsv, but not there\n" if @lost;
    return facts($lesson, $mode, $seed);
}

# What the pictures of this run are drawn from, and is not there.
sub lost {
    my ($folder) = @_;
    return unless -e "$folder/plots.tsv";
    return grep { !-e "$folder/$_" } map { (split /\t/)[1] } split /\n/, slurp("$folder/plots.tsv");
}

sub facts {
    my ($lesson, $mode, $seed) = @_;
    my $path = folder($lesson, $mode, $seed) . "/out/$lesson/run.json";
    return -e $path ? JSON::PP->new->allow_bignum(0)->decode(slurp($path)) : undef;
}

# The number of this name, or undef.
sub number {
    my ($facts, $quantity) = @_;
    my ($net, $key) = $quantity =~ /^(\w+)\.(\w+)$/;
    return $facts->{nets}{$net}{$key} if defined $net;
    return $facts->{$quantity};
}

1;
