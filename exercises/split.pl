# split.pl: solution and stub stand in one file between markers; this writes one of them.
# perl exercises/split.pl solution|stub FILE
use strict;
use warnings;
my ($want, $file) = @ARGV;
die "split.pl solution|stub FILE\n" unless @ARGV == 2 && $want =~ /^(solution|stub)$/;
my $in = '';
open my $f, '<', $file or die "$file: $!\n";
while (<$f>) {
    if    (m{^\s*/\* >>solution \*/$}) { die "$file:$.: inside $in\n" if $in;  $in = 'solution' }
    elsif (m{^\s*/\* >>stub$})         { die "$file:$.: a stub without a solution\n" if $in ne 'solution';  $in = 'stub' }
    elsif (m{^\s*>>end \*/$})          { die "$file:$.: an end without a stub\n" if $in ne 'stub';  $in = '' }
    elsif (/>>/ && /solution|stub|end/) { die "$file:$.: a marker that is none\n" }
    elsif (!$in || $in eq $want)       { s{//(.*)}{/*$1 */} if $in eq 'stub';  print }
}
die "$file: ends inside $in\n" if $in;
