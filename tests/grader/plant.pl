# plant.pl: submissions with known marks, for tests/test_grader.sh.  perl tests/grader/plant.pl FOLDER OUTSIDE
# Makes FOLDER/NAME/exNN.c and FOLDER.tsv: a line a student, NAME, points, and texts that the notes must hold.
# right_exNN: the solutions; stub_exNN; wrong_exNN_K: solutions with one place changed (wrong.tsv); hostile_NAME: hostile/*.c,
# each put behind a full solution of exercise 02, so that it would have all points if it were not found out.
use strict;
use warnings;
my ($folder, $outside) = @ARGV;
chomp(my $root = `pwd`);
my (%file, %solution, %stub);
for (glob 'exercises/ex*.c') {
    my ($id) = m{(ex\d\d)_};
    $file{$id} = $_;
    $solution{$id} = `perl exercises/split.pl solution $_`;
    $stub{$id} = `perl exercises/split.pl stub $_`;
    die "$_: cannot be split\n" if $?;
}
mkdir $folder or die "$folder: $!\n";
open my $table, '>', "$folder.tsv" or die;

sub plant {
    my ($name, $id, $text, $points, @said) = @_;
    mkdir "$folder/$name" or die "$folder/$name: $!\n";
    open my $f, '>', "$folder/$name/${id}_mine.c" or die;
    print $f $text;
    close $f or die;
    print $table join("\t", $name, $points, @said), "\n";
}
sub change {                                                    # the text must stand there, or the wrong solution is a right one
    my ($text, $from, $to) = @_;
    my $at = index $text, $from;
    die "nowhere: $from\n" if $at < 0;
    substr($text, $at, length $from) = $to;
    return $text;
}
my %full = map { $_ => 10 } keys %file;
$full{ex07} = 12;
plant("right_$_", $_, $solution{$_}, $full{$_}) for sort keys %file;
plant("stub_$_", $_, $stub{$_}, 0) for sort keys %file;

open my $w, '<', 'tests/grader/wrong.tsv' or die;
my %seen;
while (<$w>) {
    chomp;
    next if /^#/;
    my ($id, $points, $said, $from, $to) = split /\t/, $_, -1;
    plant("wrong_${id}_" . ++$seen{$id}, $id, change($solution{$id}, $from, $to), $points, $said);
}
for (sort keys %file) { die "$_: less than three wrong solutions\n" if ($seen{$_} || 0) < 3 }

for my $h (glob 'tests/grader/hostile/*.c') {
    my ($name) = $h =~ m{(\w+)\.c$};
    open my $f, '<', $h or die;
    my $text = do { local $/; <$f> };
    $text =~ s/OUTSIDE/$outside/g, $text =~ s/ROOT/$root/g;
    my $whole = $solution{ex02};
    $whole = change($whole, $1, $2) while $text =~ /with: (.*?) => (.*?)(?: \*\/)?$/mg;
    my ($points, $said) = $text =~ /expect ?(\d*): (.*?)(?: \*\/)?$/m or die "$h: expects nothing\n";
    plant("hostile_$name", 'ex02', "$text\n$whole", $points || 0, split /: /, $said, 2);
}

# Honest, though it speaks of what hand-written assembly would hold; clang calls such a variable apply.macro.
plant('honest_words', 'ex02', qq(#include <stdio.h>\nint apply(int x) { static int macro, rep, include, irp; return x + macro++ + rep++ + include++ + irp++; }\n)
    . qq(void app(void) { printf("#APP .incbin \\".include\\" .macro %d", apply(3)); }\n$solution{ex02}), 10);

# Folders and files that are not what they seem.
plant("link_to_file", 'ex02', '', 0, 'symbolic link');
unlink "$folder/link_to_file/ex02_mine.c";
symlink "$root/$file{ex02}", "$folder/link_to_file/ex02_mine.c" or die;
symlink "$root/exercises", "$folder/link_to_folder" or die;
print $table join("\t", 'link_to_folder', 0, 'symbolic link'), "\n";
mkdir "$folder/line\nbreak, \"quoted\"" or die;
open my $f, '>', "$folder/line\nbreak, \"quoted\"/ex02\nnew line.c" or die;
print $f $solution{ex02};
close $f;
print $table join("\t", 'line\x0abreak, "quoted"', 10), "\n";
plant('=cmd', 'ex02', $solution{ex02}, 10);
plant('pipe', 'ex02', '', 0, 'no ordinary file');
unlink "$folder/pipe/ex02_mine.c";
system 'mkfifo', "$folder/pipe/ex02_mine.c";
mkdir "$folder/nothing";
print $table "nothing\t0\n";
