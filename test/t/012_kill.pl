# Backends, then whole servers, are killed in the midst of writers: what was
# acknowledged is there afterwards, once, and nothing is half done.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Faults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use Writers;

my $node = PostgreSQL::Test::Cluster->new('kill');
$node->init;
$node->append_conf('postgresql.conf', "restart_after_crash = on\ncheckpoint_timeout = 30s\nmax_wal_size = 64MB");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION userlock');

my $writers = Writers->new($node, 5);
my $end = time + Faults::seconds(9);
for (my $round = 1; $round <= 4 || time < $end; $round++)
{
	my $victim = $round % 2 ? 'a backend' : 'the server';
	my $when = "round $round, $victim killed";
	$writers->start($node, 20_000);
	sleep(0.6 + rand 0.8);
	if ($victim eq 'a backend')
	{
		kill 'KILL', $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE application_name = 'writer' ORDER BY random() LIMIT 1});
	}
	else
	{
		Faults::kill_server($node);
	}
	is($writers->finish, 5, "$when: the writers were cut off");
	is_deeply($writers->errors, {}, "$when: no error before");
	$node->start if $victim eq 'the server';
	$node->poll_query_until('postgres', 'SELECT true');
	$writers->check($node, $when);
}

$node->stop;
done_testing();
