# A locked user is out on a standby too, and at once where the lock waits for it.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', 'hot_standby = on');
$primary->start;
$primary->safe_psql('postgres', 'CREATE EXTENSION userlock; CREATE ROLE app; GRANT EXECUTE ON FUNCTION userlock.check_request, userlock.current_user_allowed TO app');
$primary->safe_psql('postgres', q{SELECT userlock.register_user(n) FROM unnest('{alice,bob}'::text[]) AS n});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->append_conf('postgresql.conf', q{synchronous_standby_names = 'standby'});
$primary->reload;
$primary->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'});

# What a server says to a user whose token was issued so many seconds ago.
sub check
{
	my ($node, $user, $age) = @_;
	my ($result, $stdout, $stderr) = $node->psql(
		'postgres', qq{
		SELECT set_config('request.jwt.claims', json_build_object('sub', '$user', 'iat', extract(epoch FROM now()) - $age)::text, false) IS NOT NULL;
		SET ROLE app;
		SELECT userlock.current_user_allowed();
		SELECT userlock.check_request();
	});
	return $1 if $stderr =~ /ERROR:  (.*)/;
	return $stdout =~ /^t\nt\n$|^t\nt$/ ? 'passes' : "passes, but: $stdout";
}

is(check($standby, 'alice', 0), 'passes', 'the standby lets users pass');
is(check($standby, 'nobody', 0), 'token of an unknown user', 'but nobody else');

# remote_apply: the lock returns when the standby shows it.
for my $round (1 .. 10)
{
	$primary->safe_psql('postgres', q{SET synchronous_commit = remote_apply; SELECT userlock.lock_user('alice')});
	is(check($standby, 'alice', 0), 'user "alice" is locked', "round $round: out at once");
	$primary->safe_psql('postgres', q{SET synchronous_commit = remote_apply; SELECT userlock.unlock_user('alice')});
	is(check($standby, 'alice', 60), 'token is void', "round $round: unlocked, the old token is void at once");
	is(check($standby, 'alice', -2), 'passes', "round $round: a new one is good");
}

# A lock ends on the standby at its moment, although nothing was written.
$primary->safe_psql('postgres',
	q{SET synchronous_commit = remote_apply; SELECT userlock.lock_user('bob', until => clock_timestamp() + interval '2 seconds')});
is(check($standby, 'bob', 0), 'user "bob" is locked', 'a lock with an end holds');
ok($standby->poll_query_until('postgres', q{SELECT userlock.user_allowed('bob')}), 'and ends');
is(check($standby, 'bob', -2), 'passes', 'for requests too');

# An older snapshot does not help, in a parallel query neither.
my $connection = $primary->connstr('postgres');
$primary->safe_psql('postgres', q{SELECT userlock.register_user('carol')});
$primary->safe_psql('postgres',
	q{CREATE TABLE note AS SELECT n FROM generate_series(1, 300000) AS n; ANALYZE note; GRANT SELECT ON note TO app;
	ALTER TABLE note ENABLE ROW LEVEL SECURITY; CREATE POLICY allowed ON note USING ((SELECT userlock.current_user_allowed()))});
for my $isolation ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')
{
	my $answer = $primary->safe_psql(
		'postgres', qq{
		SET synchronous_commit = local;
		SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
		SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \\gset ignored_
		SET request.jwt.claims = '{"sub":"carol","iat":99}';
		SET ROLE app;
		BEGIN ISOLATION LEVEL $isolation;
		SELECT count(*) FROM note;
		\\! psql -XAtqc "SET synchronous_commit = local; SELECT userlock.lock_user('carol')" "$connection" >/dev/null
		SELECT count(*) FROM note;
		SELECT userlock.current_user_allowed();
		COMMIT;
		RESET ROLE;
		SELECT userlock.delete_user('carol') IS NOT NULL, userlock.register_user('carol') IS NOT NULL;
	});
	like($answer, qr/^300000\n0\nf\n/, "$isolation: a parallel query sees nothing from the next statement on");
	$primary->safe_psql('postgres', q{SET synchronous_commit = local; TRUNCATE userlock_private.account, userlock_private.event; SELECT userlock.register_user('carol')});
}

# And on the primary itself, in a read-only transaction.
my ($result, $stdout, $stderr) = $primary->psql('postgres',
	q{BEGIN READ ONLY; SET LOCAL request.jwt.claims = '{"sub":"nobody"}'; SELECT userlock.check_request()});
like($stderr, qr/ERROR:  token of an unknown user/, 'read-only transactions are checked');

$standby->stop;
$primary->stop;
done_testing();
