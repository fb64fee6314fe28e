# The primary is killed in the midst of writers, and a synchronous standby takes over:
# it has what was acknowledged, and refuses whoever was locked, before and after.
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

# What check_request() says there to the owner of a token issued just now.
sub check
{
	my ($node, $user) = @_;
	my ($result, $stdout, $stderr) = $node->psql(
		'postgres', qq{
		SELECT set_config('request.jwt.claims', json_build_object('sub', '$user', 'iat', extract(epoch FROM now()) + 5)::text, false) IS NOT NULL;
		SELECT userlock.check_request()});
	return $stderr =~ /ERROR:  (.*)/ ? $1 : 'passes';
}

sub make_standby
{
	my ($primary, $name) = @_;
	$primary->backup($name);
	my $standby = PostgreSQL::Test::Cluster->new($name);
	$standby->init_from_backup($primary, $name, has_streaming => 1);
	$standby->start;
	return $standby;
}

my $primary = PostgreSQL::Test::Cluster->new('first');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', 'hot_standby = on');
$primary->start;
$primary->safe_psql('postgres', 'CREATE EXTENSION userlock');
my $writers = Writers->new($primary, 5);
$primary->safe_psql('postgres', q{SELECT userlock.register_user(n) FROM unnest('{alice,bob,carol}'::text[]) AS n});

my $end = time + Faults::seconds(8);
my @levels = ('on', 'remote_apply');
for (my $round = 0; $round < @levels || time < $end; $round++)
{
	my $level = $levels[ $round % @levels ];
	my $when = 'failover ' . ($round + 1) . ", synchronous_commit = $level";
	my $standby = make_standby($primary, "standby$round");
	$primary->append_conf('postgresql.conf', "synchronous_standby_names = '*'\nsynchronous_commit = $level");
	$primary->reload;
	$primary->poll_query_until('postgres', q{SELECT sync_state = 'sync' FROM pg_stat_replication});

	$writers->start($primary, 20_000);
	$primary->safe_psql('postgres', q{
		SELECT userlock.lock_user('alice', idempotent => true), userlock.block_user('bob', until => clock_timestamp() + interval '1 hour', idempotent => true)});
	# What waits for remote_apply is to be seen there at once; else it may take a moment.
	$standby->poll_query_until('postgres', q{SELECT NOT userlock.user_allowed('alice')}) if $level eq 'on';
	is(check($standby, 'alice'), 'user "alice" is locked', "$when: whoever is locked is refused on the standby");
	is(check($standby, 'bob'), 'user "bob" is blocked', "$when: whoever is blocked is, too");
	is(check($standby, 'carol'), 'passes', "$when: others are not");

	sleep(0.8);
	Faults::kill_server($primary);
	is($writers->finish, 5, "$when: the writers were cut off");
	is_deeply($writers->errors, {}, "$when: no error before");
	$standby->promote;
	$writers->check($standby, $when);
	is(check($standby, 'alice'), 'user "alice" is locked', "$when: whoever was locked is refused afterwards");
	is(check($standby, 'bob'), 'user "bob" is blocked', "$when: whoever was blocked is, too");
	is(check($standby, 'carol'), 'passes', "$when: others are not");
	is( $standby->safe_psql('postgres', q{SELECT state FROM userlock.unlock_user('alice')}),
		'active', "$when: the new primary makes transitions");
	$primary = $standby;
}

$primary->stop;
done_testing();
