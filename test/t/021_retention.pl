# A crowd changes, counts, deletes and registers the same few users while their history
# is pruned and they are erased: no deadlock, a true history, and nobody is counted by
# their id who is no more.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('retention');
$node->init;
$node->append_conf('postgresql.conf', "max_connections = 50\ndeadlock_timeout = '100ms'");
$node->start;
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION userlock;
	ALTER DATABASE postgres SET userlock.registration = 'on_demand';
	SELECT count(userlock.register_user('user' || n)), count(userlock.lock_user('user' || n)), count(userlock.unlock_user('user' || n)),
		count(userlock.block_user('user' || n)), count(userlock.revoke_access('user' || n)) FROM generate_series(1, 1000) AS n;
	SELECT count(userlock.delete_user('user' || n)) FROM generate_series(1, 300) AS n;
	UPDATE userlock_private.event SET at = at - interval '1 year';
	UPDATE userlock_private.account SET created_at = created_at - interval '1 year', changed_at = changed_at - interval '1 year',
		access_valid_after = access_valid_after - interval '1 year', blocked_at = blocked_at - interval '1 year';
	CREATE FUNCTION act(who integer, what integer) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		RETURN CASE what
			WHEN 1 THEN (userlock.try_transition('lock', 'user' || who)).outcome
			WHEN 2 THEN (userlock.try_transition('unblock', 'user' || who)).outcome
			WHEN 3 THEN (userlock.try_transition('unlock', 'user' || who, revoke_access => true)).outcome
			WHEN 4 THEN (SELECT max(outcome) FROM userlock.lock_users(ARRAY(SELECT 'user' || n FROM generate_series(who, who + 5) AS n)))
			WHEN 5 THEN userlock.record_login_failure('user' || who)::text
			WHEN 6 THEN userlock.delete_user('user' || who)::text
			WHEN 7 THEN userlock.register_user('user' || who)::text
			WHEN 8 THEN userlock.erase_user('user' || who)::text
			ELSE userlock.prune_history(now() - interval '1 month', max_users => 20)::text
		END;
	EXCEPTION WHEN SQLSTATE 'PT404' OR SQLSTATE 'PT409' THEN
		RETURN SQLSTATE;
	END $$;
});
is($node->safe_psql('postgres', 'SELECT count(*) FROM userlock.verify()'), '0', 'verify() finds nothing before');

my $script = $node->basedir . '/crowd.sql';
append_to_file($script, "\\set who random(1, 40)\n\\set what random(1, 9)\nSELECT act(:who, :what);\n");
$node->command_like(
	[ 'pgbench', '--no-vacuum', '--client=12', '--jobs=2', '--transactions=60', '--file', $script, '--max-tries=1', 'postgres' ],
	qr/number of transactions actually processed: 720\/720\n.*number of failed transactions: 0 /s, 'no session fails');
is($node->safe_psql('postgres', 'SELECT count(*) FROM userlock.verify()'), '0', 'verify() finds nothing while some of it is pruned');
is( $node->safe_psql('postgres', q{SELECT count(*) FROM userlock_private.login_failure AS f WHERE user_id <> ''
	AND NOT EXISTS (SELECT FROM userlock_private.event AS e WHERE e.tenant = f.tenant AND e.user_id = f.user_id)}),
	'0', 'nobody is counted by their id who is no more');

$node->safe_psql('postgres', q{DO $$ BEGIN WHILE userlock.prune_history(now() - interval '1 month', max_users => 100) > 0 LOOP COMMIT; END LOOP; END $$});
is($node->safe_psql('postgres', 'SELECT count(*) FROM userlock.verify()'), '0', '… nor when all of it is');
is( $node->safe_psql('postgres', q{SELECT count(*) FROM userlock_private.event WHERE user_id = 'user700'}),
	'2', 'of whom nothing is new there stays one event, and the one that blocked them');
is( $node->safe_psql('postgres', q{SELECT count(*) FROM userlock_private.event WHERE at < now() - interval '1 month' AND kind NOT IN ('pruned', 'blocked')}),
	'0', 'nothing else that is old is left');

# An id is what bytes it has, where the database has no encoding.
$node->safe_psql('postgres', q{CREATE DATABASE bytes TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'});
is( $node->safe_psql('bytes', q{
	CREATE EXTENSION userlock;
	SELECT count(userlock.register_user(id)) FROM unnest(ARRAY['plain', E'm\\xfcller']) AS id;
	SELECT (userlock.erase_user(id)).events FROM unnest(ARRAY['plain', E'm\\xfcller']) AS id;
	SELECT (userlock.register_user(E'm\\xfcller')).sequence;
	SET userlock.registration = 'on_demand';
	SELECT userlock.user_allowed(E'j\\xfcrgen')}),
	"2\n1\n1\n2\nt", 'users are erased whose ids are no UTF-8');

$node->stop;
done_testing();
