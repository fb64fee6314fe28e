# No failed login is lost, and a crowd of them makes one lock.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "max_connections = 100\nfsync = off\ndeadlock_timeout = 100ms");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION userlock');
$node->safe_psql('postgres', q{SELECT userlock.register_user(n) FROM unnest('{alice,bob,carol}'::text[]) AS n});
my $directory = $node->basedir;

# Runs statements from so many sessions, so many times each.
sub crowd
{
	my ($clients, $times, $sql) = @_;
	append_to_file("$directory/crowd.sql", '');
	open(my $file, '>', "$directory/crowd.sql") or die;
	print $file "$sql;\n";
	close $file;
	$node->command_like(
		[ 'pgbench', '--no-vacuum', "--client=$clients", '--jobs=2', "--transactions=$times", '--file', "$directory/crowd.sql", '--max-tries=1', 'postgres' ],
		qr/number of failed transactions: 0 /, "$clients sessions: $sql");
}
sub ask { return $node->safe_psql('postgres', $_[0]); }

# Sixty-four at once, ten are enough.
crowd(64, 1, q{SELECT userlock.record_login_failure('alice')});
is(ask(q{SELECT failures, counted, lockouts FROM userlock_private.login_failure}), '64|0|1', 'each of 64 failures is counted, and they lock once');
is(ask(q{SELECT string_agg(kind, ' ' ORDER BY sequence) FROM userlock_private.event WHERE user_id = 'alice'}), 'registered locked', 'exactly one event');
is(ask(q{SELECT details ->> 'failures' FROM userlock_private.event WHERE kind = 'locked'}), '10', 'of the tenth failure');
my $until = ask(q{SELECT locked_until FROM userlock_private.account WHERE user_id = 'alice'});
crowd(16, 4, q{SELECT userlock.record_login_failure('alice')});
is(ask(q{SELECT locked_until FROM userlock_private.account WHERE user_id = 'alice'}), $until, 'failures after it do not extend the lock');
is(ask(q{SELECT failures FROM userlock_private.login_failure}), '128', 'but are counted');
is(ask(q{SELECT userlock.record_login_success('alice')}), qq{(f,0,"$until")}, 'a right password does not help');
ask(q{SELECT userlock.unlock_user('alice')});
is(ask(q{SELECT userlock.login_verdict('alice')}), '(t,10,)', 'an unlock resets');

# Failures, successes, locks and unlocks crosswise: no deadlock, no error, a true history.
crowd(16, 100, q{\set what random(1, 6)
\if :what <= 3
SELECT userlock.record_login_failure('bob');
\elif :what = 4
SELECT userlock.record_login_success('bob');
\elif :what = 5
SELECT userlock.unlock_user('bob', idempotent => true);
\else
SELECT userlock.lock_user('bob', idempotent => true);
\endif
SELECT 1});
is(ask('SELECT count(*) FROM userlock.verify()'), '0', 'verify() finds nothing');

# A failure that is rolled back with its transaction was none; one that is not stays.
$node->psql('postgres', q{BEGIN; SELECT userlock.record_login_failure('carol'); ROLLBACK});
ask(q{SELECT userlock.record_login_failure('carol')});
is(ask(q{SELECT remaining_attempts FROM userlock.login_verdict('carol')}), '9', 'a count belongs to its transaction');

# It outlives the server, and a dump.
$node->restart;
is(ask(q{SELECT remaining_attempts FROM userlock.login_verdict('carol')}), '9', 'the count survives a restart');
ask(q{SELECT userlock.set_lockout_policy(attempts => 20)});
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'pg_dump', '--file', "$directory/dump.sql", 'postgres' ], 'pg_dump');
$node->command_ok([ 'psql', '--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--dbname=copy', '--file', "$directory/dump.sql" ], 'restore');
is($node->safe_psql('copy', q{SELECT remaining_attempts FROM userlock.login_verdict('carol')}), '19', 'count and policy survive a dump');

$node->stop;
done_testing();
