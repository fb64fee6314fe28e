# A streaming standby answers as the primary does, expiry included.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', 'hot_standby = on');
$primary->start;
$primary->safe_psql('postgres', 'CREATE EXTENSION userlock');
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

$primary->safe_psql(
	'postgres', q{
	SELECT userlock.register_user('alice');
	SELECT userlock.lock_user('alice', 'attempts', clock_timestamp() + interval '2 seconds');
	SELECT userlock.block_user('alice', 'fraud');
});
$primary->wait_for_catchup($standby);

my $status = q{SELECT state, sequence FROM userlock.user_status('alice')};
is($standby->safe_psql('postgres', $status), 'locked+blocked|3', 'the standby knows the state');

$standby->poll_query_until('postgres', q{SELECT clock_timestamp() >= max(until) FROM userlock_private.event});
is($standby->safe_psql('postgres', $status), 'blocked|4', 'a lock ends there at its moment, although nothing was written');
is( $standby->safe_psql('postgres', 'SELECT user_id, state, lock_reason, block_reason FROM userlock.restricted_users'),
	'alice|blocked||fraud', 'restricted_users agrees');
is( $standby->safe_psql('postgres', q{SELECT string_agg(kind, ' ' ORDER BY sequence) FROM userlock.user_history}),
	'registered locked blocked lock_expired', 'user_history shows it ended');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM userlock.verify()'), '0', 'verify() works there');

# What was stored of numbers, and what has happened since.
my $numbers = q{SELECT metric, label, value FROM userlock.statistics WHERE metric IN ('users', 'events') AND value <> 0 ORDER BY metric, label};
is($standby->safe_psql('postgres', $numbers), "events|blocked|1\nevents|lock_expired|1\nevents|locked|1\nevents|registered|1\nusers|blocked|1", 'numbers are counted there');
$primary->safe_psql('postgres', 'SELECT userlock.refresh_statistics(verify => true)');
$primary->safe_psql('postgres', q{SELECT userlock.register_user('bob')});
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $numbers), "events|blocked|1\nevents|lock_expired|1\nevents|locked|1\nevents|registered|2\nusers|active|1\nusers|blocked|1", '… and added to those that were stored');
is($standby->safe_psql('postgres', q{SELECT value FROM userlock.statistics WHERE metric = 'verify_problems'}), '0', '… with what verify() found on the primary');

my ($result, $stdout, $stderr) = $standby->psql('postgres', q{SELECT userlock.unblock_user('alice')});
like($stderr, qr/cannot execute unblock_user\(\) in a read-only transaction/, 'changes are for the primary');

$standby->stop;
$primary->stop;
done_testing();
