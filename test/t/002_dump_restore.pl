# A dump restores into a working system: states, history, profiles, API keys,
# grants.
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
});

my %shown = (
	account => 'SELECT * FROM userlock.account ORDER BY tenant, user_id',
	event => 'SELECT * FROM userlock.event ORDER BY tenant, user_id, sequence',
	profile => 'SELECT * FROM userlock.profile',
	api_key => 'SELECT * FROM userlock.api_key',
	grants => q{SELECT has_function_privilege('support', 'userlock_xekout.revoke(bytea)', 'EXECUTE')},
	restricted => 'SELECT * FROM userlock.restricted_users',
	person => 'SELECT * FROM person',
);
my $dump = $node->backup_dir . '.dump';

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

	is( $node->safe_psql('target', q{SET ROLE support; SELECT state, sequence FROM userlock.unlock_user('alice')}),
		'blocked|4', "$format: history goes on, and the grant holds");
	my ($result, $stdout, $stderr) = $node->psql('target', q{SET ROLE support; SELECT userlock.unblock_user('alice')});
	like($stderr, qr/permission denied for function unblock_user/, "$format: nothing else is granted");
	is( $node->safe_psql('target', q{SELECT state, sequence FROM userlock.register_user('carol')}),
		'active|3', "$format: a deleted user comes back with their history");
	is($node->safe_psql('target', 'SELECT userlock.expire()'), '1', "$format: what expired meanwhile can be written");
	is($node->safe_psql('target', 'SELECT count(*) FROM userlock.verify()'), '0', "$format: and still agrees");
	$node->safe_psql('postgres', 'DROP DATABASE target');
	unlink $dump;
}

$node->stop;
done_testing();
