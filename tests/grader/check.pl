# check.pl: grades.csv against what was planted, as TAP.  perl tests/grader/check.pl GRADES.csv TABLE.tsv FIRST
use strict;
use warnings;
my ($csv, $table, $n) = @ARGV;
my (%total, %notes, %hostile);
open my $f, '<', $csv or die "$csv: $!\n";
scalar <$f>;
while (<$f>) {
    my @field;
    push @field, defined $1 ? $1 =~ s/""/"/gr : $2 while /\G(?:"((?:[^"]|"")*)"|([^,\n]*))(?:,|\n)/g;
    (my $name = $field[0]) =~ s/^'//;
    ($total{$name}, $hostile{$name}, $notes{$name}) = @field[1, -2, -1];
}
my $failed = 0;
open $f, '<', $table or die "$table: $!\n";
while (<$f>) {
    chomp;
    my ($name, $points, @said) = split /\t/;
    my $ok = defined $total{$name} && $total{$name} == $points;
    for my $said (@said) { $ok &&= grep { index($notes{$name}, $_) >= 0 } split /[|]/, $said }      # one of several, where compilers differ
    $ok &&= $hostile{$name} eq 'yes' if @said && $said[0] eq 'not allowed';
    $ok &&= $hostile{$name} eq '' if $name =~ /^(right|stub|wrong)/;
    printf "%sok %d - %s: %d points%s\n", $ok ? '' : 'not ', ++$n, $name, $points, @said ? ", \"@said\"" : '';
    next if $ok;
    $failed = 1;
    printf "# got %s, hostile \"%s\": %s\n", $total{$name} // 'no line', $hostile{$name} // '', $notes{$name} // '';
}
exit $failed;
