# History leaves the database by logical decoding, as docs/monitoring.md shows it.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($decode) = slurp_file('docs/monitoring.md') =~ /^```sql\n(SELECT data FROM pg_logical_slot_get_changes.*?);\n```/ms;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "wal_level = logical\nfsync = off");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION userlock; CREATE TABLE other (id integer)');
# Newer servers want output plugins to be named.
if ($node->safe_psql('postgres', q{SELECT count(*) FROM pg_settings WHERE name = 'output_plugin_libraries'}))
{
	$node->append_conf('postgresql.conf', q{output_plugin_libraries = 'pgoutput, wal2json'});
	$node->reload;
}
$node->safe_psql('postgres', q{SELECT pg_create_logical_replication_slot('security', 'wal2json')});

$node->safe_psql('postgres', q{SELECT userlock.register_user('alice')});
$node->safe_psql('postgres', q{INSERT INTO other VALUES (1)});
$node->safe_psql('postgres', q{BEGIN; SELECT userlock.block_user('alice'); ROLLBACK});
$node->safe_psql('postgres', q{SELECT userlock.lock_user('alice', 'phished', clock_timestamp() + interval '0.2 seconds')});
$node->safe_psql('postgres', q{SELECT pg_sleep(0.3); SELECT userlock.expire()});
$node->safe_psql('postgres', q{SELECT userlock.revoke_access('alice')});

# What the slot has of events: kind and reason of each, in order.
my $events = $node->safe_psql(
	'postgres', qq{
	SELECT string_agg(concat_ws(':', c ->> 'kind', c ->> 'reason'), ' ' ORDER BY n)
	FROM (
		SELECT n, jsonb_object_agg(field ->> 'name', field -> 'value') AS c
		FROM (SELECT data, row_number() OVER () AS n FROM ($decode) AS decoded) AS change,
			jsonb_array_elements(data::jsonb -> 'columns') AS field
		WHERE data::jsonb ->> 'action' = 'I'
		GROUP BY n) AS columns});
is($events, 'registered locked:phished lock_expired access_revoked', 'each event once, in the order of commits, and nothing else');
is($node->safe_psql('postgres', "SELECT count(*) FROM ($decode) AS decoded"),
	'0', 'and not again');

$node->stop;
done_testing();
