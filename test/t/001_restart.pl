# A lock outlives the server: a clean restart, and a crash.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('restart');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION userlock');
$node->safe_psql(
	'postgres', q{
	SELECT (userlock.register_user('alice')).state;
	SELECT (userlock.lock_user('alice', 'five wrong passwords')).state;
	SELECT (userlock.register_user('bob')).state;
	SELECT (userlock.block_user('bob', until => clock_timestamp() + interval '1 second')).state;
});

my $status = q{SELECT user_id, (userlock.user_status(user_id)).state FROM userlock_private.account WHERE user_id = 'alice'};

$node->restart;
is($node->safe_psql('postgres', $status), 'alice|locked', 'still locked after a restart');

$node->safe_psql('postgres', q{SELECT (userlock.block_user('alice')).state});
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', $status), 'alice|locked+blocked', 'what was committed survives a crash');
is($node->safe_psql('postgres', 'SELECT count(*) FROM userlock.verify()'), '0', 'and agrees with its history');

$node->poll_query_until('postgres', q{SELECT clock_timestamp() > max(until) FROM userlock_private.event});
is($node->safe_psql('postgres', q{SELECT (userlock.user_status('bob')).state}),
	'active', 'a restriction ends although the server was down for part of it');

$node->stop;
done_testing();
