# A dump restores into a working system: states, history, also where it was pruned or
# erased, profiles, API keys, grants, adopted tables.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('dump');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql(
	'source', q{
	CREATE ROLE support;
	CREATE EXTENSION userlock;
	CREATE EXTENSION userlock_http;
	GRANT EXECUTE ON FUNCTION userlock.unlock_user TO support;
	GRANT SELECT ON userlock.restricted_users TO support;
	GRANT USAGE ON SCHEMA userlock_xekout TO support;
	GRANT EXECUTE ON FUNCTION userlock_xekout.revoke TO support;
	CREATE TABLE person (name text, state userlock.user_lock_state);
	CREATE INDEX ON person (state);
	INSERT INTO person VALUES ('alice', 'locked+blocked');
	SELECT userlock.register_user('alice', profile => '{"username": "alice"}');
	SELECT userlock.lock_user('alice', 'five wrong passwords', details => '{"attempts": 5}');
	SELECT userlock.block_user('alice', until => '3000-01-01');
	SELECT userlock.register_user('bob', 'acme');
	SELECT userlock.lock_user('bob', until => clock_timestamp() + interval '10 milliseconds', tenant => 'acme');
	SELECT userlock.register_user('carol');
	SELECT userlock.delete_user('carol');
	SELECT userlock.create_api_key('billing', 'support');
	SELECT userlock.register_user('old'), userlock.block_user('old', 'long ago'), userlock.revoke_access('old');
	UPDATE userlock_private.event SET at = at - interval '1 year' WHERE user_id = 'old';
	UPDATE userlock_private.account SET created_at = created_at - interval '1 year', changed_at = changed_at - interval '1 year',
		blocked_at = blocked_at - interval '1 year', access_valid_after = access_valid_after - interval '1 year' WHERE user_id = 'old';
	SELECT userlock.prune_history(now() - interval '1 month');
	SELECT userlock.register_user('erased', 'acme'), userlock.erase_user('erased', 'acme');
	SELECT userlock.refresh_statistics(verify => true);
});

my %shown = (
	account => 'SELECT * FROM userlock_private.account ORDER BY tenant, user_id',
	event => 'SELECT * FROM userlock_private.event ORDER BY tenant, user_id, sequence',
	profile => 'SELECT * FROM userlock_private.profile ORDER BY tenant, user_id',
	api_key => 'SELECT * FROM userlock_private.api_key',
	erasure => 'SELECT * FROM userlock_private.erasure, userlock_private.erasure_key',
	grants => q{SELECT has_function_privilege('support', 'userlock_xekout.revoke(bytea)', 'EXECUTE')},
	restricted => 'SELECT * FROM userlock.restricted_users',
	person => 'SELECT * FROM person',
	numbers => q{SELECT tenant, metric, label, value FROM userlock.statistics WHERE metric IN ('users', 'events') AND value <> 0 ORDER BY 1, 2, 3},
);
my $dump = $node->backup_dir . '.dump';

my (undef, $complaints) = run_command([ 'pg_dump', "--file=$dump", $node->connstr('source') ]);
is($complaints, '', 'pg_dump has nothing to complain about');

foreach my $format ('plain', 'custom')
{
	$node->safe_psql('postgres', 'CREATE DATABASE target');
	$node->command_ok([ 'pg_dump', "--format=$format", "--file=$dump", $node->connstr('source') ], "$format: dumped");
	$node->command_ok(
		$format eq 'plain'
		? [ 'psql', '--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', "--file=$dump", $node->connstr('target') ]
		: [ 'pg_restore', '--exit-on-error', '--dbname=' . $node->connstr('target'), $dump ],
		"$format: restored without an error");

	is($node->safe_psql('target', $shown{$_}), $node->safe_psql('source', $shown{$_}), "$format: $_ is the same")
	  foreach sort keys %shown;
	is($node->safe_psql('target', 'SELECT count(*) FROM userlock.verify()'), '0', "$format: accounts agree with their history");
	is($node->safe_psql('target', 'SELECT (SELECT count(*) FROM userlock_private.tally), (SELECT count(*) FROM userlock_private.counting)'), '0|0',
		"$format: numbers are not restored but counted");

	is( $node->safe_psql('target', q{SET ROLE support; SELECT state, sequence FROM userlock.unlock_user('alice')}),
		'blocked|4', "$format: history goes on, and the grant holds");
	my ($result, $stdout, $stderr) = $node->psql('target', q{SET ROLE support; SELECT userlock.unblock_user('alice')});
	like($stderr, qr/permission denied for function unblock_user/, "$format: nothing else is granted");
	is( $node->safe_psql('target', q{SELECT state, sequence FROM userlock.register_user('carol')}),
		'active|3', "$format: a deleted user comes back with their history");
	is( $node->safe_psql('target', q{SELECT state, sequence FROM userlock.unblock_user('old')}),
		'active|4', "$format: a history that was pruned goes on");
	is( $node->safe_psql('target', q{SELECT sequence FROM userlock.register_user('erased', 'acme')}),
		'2', "$format: an erased user comes back without, and old tokens stay void");
	is($node->safe_psql('target', 'SELECT userlock.expire()'), '1', "$format: what expired meanwhile can be written");
	is($node->safe_psql('target', 'SELECT count(*) FROM userlock.verify()'), '0', "$format: and still agrees");
	$node->safe_psql('postgres', 'DROP DATABASE target');
	unlink $dump;
}

# An adopted table is followed in the target too, and in no order of loading does
# its trigger get in the way of the accounts.
$node->safe_psql(
	'source', q{
	CREATE TABLE app_user (id text PRIMARY KEY, mail text, "log,in" text);
	CREATE TABLE zoo_user (id text, region text, name text) PARTITION BY LIST (region);
	CREATE TABLE zoo_user_eu (name text, region text, id text);
	ALTER TABLE zoo_user ATTACH PARTITION zoo_user_eu FOR VALUES IN ('eu');
	INSERT INTO app_user VALUES ('dave', 'dave@example.com', 'Dave'), ('erin', NULL, NULL), ('frank', NULL, NULL);
	INSERT INTO zoo_user VALUES ('zebra', 'eu', 'Stripes'), ('gnu', 'eu', NULL);
	SELECT userlock.adopt('app_user', 'id', user_name_column => 'log,in', email_column => 'mail');
	SELECT userlock.adopt('zoo_user', 'id', user_name_column => 'name');
	SELECT userlock.set_profile('dave', userlock.user_profile('dave') || '{"displayName": "David"}');
	SELECT userlock.lock_user('dave', 'phished'), userlock.block_user('gnu', 'bit somebody');
	DELETE FROM app_user WHERE id = 'frank';
});

my %orders = (
	'plain' => [ ['pg_dump'] ],
	'plain with INSERT' => [ [ 'pg_dump', '--inserts' ] ],
	'schema, then data' => [ [ 'pg_dump', '--schema-only' ], [ 'pg_dump', '--data-only' ] ],
	'schema, then data with INSERT' => [ [ 'pg_dump', '--schema-only' ], [ 'pg_dump', '--data-only', '--inserts' ] ],
	'schema, then data without triggers' => [ [ 'pg_dump', '--schema-only' ], [ 'pg_dump', '--data-only', '--disable-triggers' ] ],
	'schema, then data by pg_restore' => [ [ 'pg_dump', '--schema-only' ], [ 'pg_restore', '--data-only' ] ],
	'schema, then data by parallel pg_restore' => [ [ 'pg_dump', '--schema-only' ], [ 'pg_restore', '--data-only', '--jobs=4' ] ],
	'parallel pg_restore' => [ [ 'pg_restore', '--jobs=4' ] ],
	'our data first' => [ [ 'pg_dump', '--schema-only' ], [ 'pg_dump', '--data-only', '--table=userlock_private.*' ], [ 'pg_dump', '--data-only', '--table=public.*' ] ],
	'our data last' => [ [ 'pg_dump', '--schema-only' ], [ 'pg_dump', '--data-only', '--table=public.*' ], [ 'pg_dump', '--data-only', '--table=userlock_private.*' ] ],
);
my $archive = $node->backup_dir . '.archive';
$node->command_ok([ 'pg_dump', '--format=custom', "--file=$archive", $node->connstr('source') ], 'archived');

foreach my $order (sort keys %orders)
{
	$node->safe_psql('postgres', 'CREATE DATABASE target');
	foreach my $step (@{ $orders{$order} })
	{
		my ($program, @options) = @$step;
		if ($program eq 'pg_dump')
		{
			$node->command_ok([ @$step, "--file=$dump", $node->connstr('source') ], "$order: @$step");
			$node->command_ok([ 'psql', '--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', "--file=$dump", $node->connstr('target') ],
				"$order: … is loaded without an error");
		}
		else
		{
			$node->command_ok([ @$step, '--exit-on-error', '--dbname=' . $node->connstr('target'), $archive ], "$order: @$step");
		}
	}
	is($node->safe_psql('target', $shown{$_}), $node->safe_psql('source', $shown{$_}), "$order: $_ is the same")
	  foreach 'account', 'event', 'profile', 'restricted';
	is($node->safe_psql('target', 'SELECT count(*) FROM userlock.verify()'), '0', "$order: accounts agree with their history");
	is( $node->safe_psql(
			'target', q{
			UPDATE app_user SET "log,in" = 'Davy', mail = 'davy@example.com' WHERE id = 'dave';
			UPDATE zoo_user SET name = upper(name);
			SELECT string_agg(concat_ws(' ', user_id, user_name, email, display_name), ', ' ORDER BY user_id)
			FROM userlock.users WHERE user_id IN ('dave', 'zebra', 'gnu')}),
		'dave Davy davy@example.com David, gnu, zebra STRIPES', "$order: … what they call their users is followed");
	is( $node->safe_psql(
			'target', q{
			INSERT INTO app_user VALUES ('ivan');
			DELETE FROM app_user WHERE id = 'erin';
			DELETE FROM app_user WHERE id = 'dave';
			INSERT INTO app_user VALUES ('dave');
			TRUNCATE zoo_user_eu;
			SELECT string_agg(user_id || ' ' || state, ', ' ORDER BY user_id)
			FROM userlock_private.account WHERE user_id IN ('dave', 'erin', 'frank', 'ivan', 'zebra', 'gnu')}),
		'dave locked, ivan active', "$order: the tables are followed");
	$node->safe_psql('postgres', 'DROP DATABASE target');
	unlink $dump;
}

$node->stop;
done_testing();
