# Users registered on demand: on a standby, under an older snapshot, in parallel
# queries; and only who may say so has them registered on demand.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "hot_standby = on\nmax_connections = 50");
$primary->start;
$primary->safe_psql('postgres', q{CREATE EXTENSION userlock; CREATE ROLE app LOGIN; GRANT EXECUTE ON FUNCTION userlock.check_request, userlock.current_user_allowed TO app});

# What a server says to a user whose token was issued so many seconds ago; before the
# check, the session runs these statements.
sub check
{
	my ($node, $user, $age, %options) = @_;
	my ($before, @as) = ($options{before} // '', $options{as} ? (extra_params => [ '--username', $options{as} ]) : ());
	my ($result, $stdout, $stderr) = $node->psql(
		'postgres', qq{
		SELECT set_config('request.jwt.claims', json_build_object('sub', '$user', 'iat', extract(epoch FROM now()) - $age)::text, false) IS NOT NULL;
		SET ROLE app;
		$before;
		SELECT userlock.current_user_allowed();
		SELECT userlock.check_request();
	}, @as);
	return $1 if $stderr =~ /ERROR:  (.*)/;
	return $stdout =~ /^t\n(?:.*\n)*t\n?$/ ? 'passes' : "passes, but: $stdout";
}

# Nobody but a superuser decides it: not in a session whose library is yet to be
# loaded, not as an option of the connection, not for the role.
my $unknown = 'token of an unknown user';
is(check($primary, 'eve', 0), $unknown, 'explicit unless told otherwise');
is(check($primary, 'eve', 0, as => 'app', before => q{SET userlock.registration = 'on_demand'}), $unknown, 'a placeholder of somebody else is dropped when the library comes');
is(check($primary, 'eve', 0, as => 'app', before => q{SELECT set_config('userlock.registration', 'on_demand', false)}), $unknown, '… by set_config() too');
{
	local $ENV{PGOPTIONS} = '-c userlock.registration=on_demand';
	is(check($primary, 'eve', 0, as => 'app'), $unknown, '… as an option of the connection too');
}
my ($result, $stdout, $stderr) = $primary->psql('postgres', q{ALTER ROLE app SET userlock.registration = 'on_demand'}, extra_params => [ '--username', 'app' ]);
is(check($primary, 'eve', 0, as => 'app'), $unknown, '… for the role too');
$primary->safe_psql('postgres', 'ALTER ROLE app RESET ALL');
is(check($primary, 'eve', 0, before => q{RESET ROLE; SET userlock.registration = 'on demand'; SET ROLE app}), $unknown, 'what is no value of it is dropped for the default');
$primary->safe_psql('postgres', q{ALTER ROLE app SET userlock.registration = 'on_demand'});
is(check($primary, 'eve', 0, as => 'app'), 'passes', 'a superuser may say so for a role');
is(check($primary, 'eve', 0), $unknown, '… and for no other');
$primary->safe_psql('postgres', 'ALTER ROLE app RESET ALL');

# From here on, the database.
$primary->safe_psql('postgres', q{ALTER DATABASE postgres SET userlock.registration = 'on_demand'});
$primary->safe_psql('postgres', q{SELECT userlock.register_user('gone'); SELECT userlock.delete_user('gone')});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->append_conf('postgresql.conf', q{synchronous_standby_names = 'standby'});
$primary->reload;
$primary->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'});

is(check($standby, 'ann', 0), 'passes', 'a standby lets in whoever was never seen');
is(check($standby, 'gone', 0), $unknown, '… but nobody who was deleted');
is(check($standby, '', 0), $unknown, '… and nobody without an id');
$primary->safe_psql('postgres', q{SET synchronous_commit = remote_apply; SELECT userlock.lock_user('ann')});
is(check($standby, 'ann', 0), 'user "ann" is locked', 'locked, and registered by it, they are out there at once');
$primary->safe_psql('postgres', q{SET synchronous_commit = remote_apply; SELECT userlock.unlock_user('ann')});
is(check($standby, 'ann', 60), 'token is void', 'unlocked, the old token is void');
is(check($standby, 'ann', -2), 'passes', '… and a new one good');
$primary->safe_psql('postgres', q{SET synchronous_commit = remote_apply; SELECT userlock.delete_user('ann')});
is(check($standby, 'ann', -2), $unknown, 'deleted, they are out');
($result, $stdout, $stderr) = $standby->psql('postgres', q{SELECT userlock.lock_user('bea')});
like($stderr, qr/cannot execute lock_user\(\) in a read-only transaction/, 'a standby registers nobody');

# Erased, they are nobody ever seen, but for their old tokens: also on a standby, and
# whatever becomes of the tables that tell.
$primary->safe_psql('postgres', q{SET synchronous_commit = remote_apply; SELECT userlock.register_user('dot'), userlock.erase_user('dot'), userlock.erase_user('ann')});
for my $node ($primary, $standby)
{
	is(check($node, $_, 60), 'token is void', $node->name . ": an old token of $_, who was erased, is void") foreach 'ann', 'dot';
	is(check($node, 'dot', -2), 'passes', $node->name . ': … and a new one good');
	is(check($node, 'eve', 60), 'passes', $node->name . ': … as any of somebody else');
}
$primary->safe_psql('postgres', q{VACUUM FULL userlock_private.erasure; VACUUM FULL userlock_private.erasure_key; ALTER TABLE userlock_private.erasure SET UNLOGGED; ALTER TABLE userlock_private.erasure SET LOGGED});
is(check($primary, 'dot', 60), 'token is void', '… rewritten, they tell the same');
$primary->safe_psql('postgres', q{CREATE TABLE child () INHERITS (userlock_private.erasure)});
$primary->safe_psql('postgres', q{WITH moved AS (DELETE FROM ONLY userlock_private.erasure RETURNING *) INSERT INTO child SELECT * FROM moved});
is(check($primary, 'eve', 0), 'passes', '… with rows elsewhere, as well');
is(check($primary, $_, 60), 'token is void', "… of $_, too") foreach 'ann', 'dot';
$primary->safe_psql('postgres', q{WITH moved AS (DELETE FROM child RETURNING *) INSERT INTO userlock_private.erasure SELECT * FROM moved; DROP TABLE child});
is(check($primary, 'dot', 60), 'token is void', '… and when they are back');

# An older snapshot does not help, in a parallel query neither.
my $connection = $primary->connstr('postgres');
$primary->safe_psql('postgres',
	q{CREATE TABLE note AS SELECT n FROM generate_series(1, 300000) AS n; ANALYZE note; GRANT SELECT ON note TO app;
	ALTER TABLE note ENABLE ROW LEVEL SECURITY; CREATE POLICY allowed ON note USING ((SELECT userlock.current_user_allowed()))});
for my $isolation ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')
{
	for my $end (q{SELECT userlock.lock_user('cal')}, q{SELECT userlock.register_user('cal'); SELECT userlock.delete_user('cal')})
	{
		my $answer = $primary->safe_psql(
			'postgres', qq{
			SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
			SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \\gset ignored_
			SET request.jwt.claims = '{"sub":"cal"}';
			SET ROLE app;
			BEGIN ISOLATION LEVEL $isolation;
			SELECT count(*) FROM note;
			\\! psql -XAtqc "SET synchronous_commit = local; $end" "$connection" >/dev/null
			SELECT count(*) FROM note;
			SELECT userlock.current_user_allowed();
			COMMIT;
		});
		is($answer, "300000\n0\nf", "$isolation: a parallel query sees nothing from the next statement on: $end");
		$primary->safe_psql('postgres', q{SET synchronous_commit = local; TRUNCATE userlock_private.account, userlock_private.event});
	}
}

# A crowd restricts people never seen, ends some of them, and meets at the same few:
# no error, no deadlock, a true history, and nobody deleted comes back by a lock.
$primary->safe_psql('postgres', q{ALTER SYSTEM SET synchronous_standby_names = ''; ALTER SYSTEM SET deadlock_timeout = '100ms'});
$primary->reload;
my $script = $primary->basedir . '/crowd.sql';
append_to_file($script, q{\set who random(1, 20)
\set what random(1, 6)
SELECT CASE :what
	WHEN 1 THEN (userlock.try_transition('lock', 'user' || :who)).outcome
	WHEN 2 THEN (userlock.try_transition('block', 'user' || :who, until => clock_timestamp() + interval '1 millisecond')).outcome
	WHEN 3 THEN (userlock.try_transition('unlock', 'user' || :who, revoke_access => true)).outcome
	WHEN 4 THEN (SELECT max(outcome) FROM userlock.lock_users(ARRAY(SELECT 'user' || n FROM generate_series(:who, :who + 5) AS n)))
	WHEN 5 THEN (SELECT max(outcome) FROM userlock.block_users(ARRAY(SELECT 'other' || n FROM generate_series(:who, :who + 5) AS n), idempotent => true))
	ELSE (userlock.delete_user('other' || :who, idempotent => true)).state::text
END;
});
$primary->command_like(
	[ 'pgbench', '--no-vacuum', '--client=16', '--jobs=2', '--transactions=100', '--file', $script, '--max-tries=1', 'postgres' ],
	qr/number of failed transactions: 0 /, 'no session fails');
is($primary->safe_psql('postgres', 'SELECT count(*) FROM userlock.verify()'), '0', 'verify() finds nothing');
is( $primary->safe_psql('postgres', q{SELECT count(*) FROM userlock_private.event WHERE kind = 'registered' AND sequence > 1}),
	'0', 'nobody who was deleted was registered anew');
is( $primary->safe_psql('postgres', q{SELECT count(*) FROM userlock_private.event AS e WHERE kind = 'registered'
	AND NOT EXISTS (SELECT FROM userlock_private.event AS next WHERE next.tenant = e.tenant AND next.user_id = e.user_id AND next.sequence = 2)}),
	'0', 'nobody was registered for nothing');

$standby->stop;
$primary->stop;
done_testing();
