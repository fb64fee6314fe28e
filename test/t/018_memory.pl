# A session that lives for long takes no more memory after many thousand calls than
# after some.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Faults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $users = 500;
# What memory may differ by from one time to the next, in kB: nothing that grows with
# the number of calls.
my $tolerance = 128;

my $node = PostgreSQL::Test::Cluster->new('memory');
$node->init;
$node->append_conf('postgresql.conf', 'autovacuum_naptime = 1s');
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION userlock;
	SELECT count(userlock.register_user('user' || i)) FROM generate_series(0, $users - 1) AS i;
	SELECT userlock.register_user('in'), userlock.register_user('out');
	SELECT userlock.lock_user('out');
	CREATE TABLE person (id text PRIMARY KEY);
	SELECT userlock.adopt('person', 'id')});

# Calls, each for a number i that goes up.
my $refused = q{BEGIN PERFORM %s; EXCEPTION WHEN OTHERS THEN IF SQLSTATE !~ '^PT' THEN RAISE; END IF; END};
my $user = "'user' || i % $users";
my @calls = (
	[ 'check_request(), passed', qq{PERFORM set_config('request.jwt.claims', '{"sub":"in","iat":9}', true); PERFORM userlock.check_request()} ],
	[ 'check_request(), refused', qq{PERFORM set_config('request.jwt.claims', '{"sub":"out","iat":9}', true); } . sprintf($refused, 'userlock.check_request()') ],
	[ 'user_allowed()', "PERFORM userlock.user_allowed($user)" ],
	[ 'transitions', "PERFORM userlock.lock_user($user, 'reason', details => '{}', idempotent => true); PERFORM userlock.unlock_user($user)" ],
	[ 'try_transition(), refused', "PERFORM userlock.try_transition('unlock', $user)" ],
	[ 'unlock_user(), refused', sprintf($refused, "userlock.unlock_user($user)") ],
	[ 'lock_users(), unlock_users()', "PERFORM count(*) FROM userlock.lock_users(ARRAY[$user, 'nobody', '']); PERFORM count(*) FROM userlock.unlock_users(ARRAY[$user, 'nobody', ''])" ],
	[ 'undo()', "PERFORM set_config('app.batch', (SELECT l.batch::text FROM userlock.lock_users(ARRAY[$user]) AS l), true); PERFORM userlock.undo(current_setting('app.batch')::uuid, since => clock_timestamp() - interval '1 second')" ],
	[ 'expire()', 'PERFORM userlock.expire()' ],
	[ 'failed logins', "PERFORM userlock.record_login_failure($user); PERFORM userlock.record_login_success($user)" ],
	[ 'profiles', qq{PERFORM userlock.set_profile($user, jsonb_build_object('userName', 'name' || i)); PERFORM userlock.user_profile($user)} ],
	[ 'rows that are followed', 'INSERT INTO person VALUES (i); DELETE FROM person' ],
	[ 'find_users()', "PERFORM userlock.find_users(jsonb_build_object('user_name', 'name' || i), page_size => 1)" ],
	[ 'find_restricted_users(), find_events()', "PERFORM userlock.find_restricted_users(jsonb_build_object('user_name', 'name' || i)); PERFORM userlock.find_events($user)" ],
);

# One session for all: what it keeps of each is kept once.
my $session = Faults::begin_session($node);
my $next = 0;
sub run
{
	my ($statements) = @_;
	my $answer = Faults::run_in($session, $statements);
	die $session->{err} if $session->{err} =~ /ERROR/;
	return $answer;
}
sub call
{
	my ($call, $times, $transactions) = @_;
	my $commit = $transactions ? 'IF i % 100 = 0 THEN COMMIT; END IF;' : '';
	my $last = $next + $times - 1;
	run("DO \$\$ BEGIN FOR i IN $next .. $last LOOP $call; $commit END LOOP; END \$\$;");
	$next += $times;
}
# In kB, what its contexts have, and what the system has given it.  Not counted is what
# the server keeps of rows that one transaction changes time and again.
sub memory
{
	my ($contexts, $process) = run(q{
		SELECT sum(used_bytes)::bigint / 1024 FROM pg_backend_memory_contexts WHERE name NOT IN ('Combo CIDs', 'TopTransactionContext');
		SELECT substring(pg_read_file('/proc/self/status'), 'RssAnon:\s+(\d+)');}) =~ /(\d+)/g;
	return [ $contexts, $process ];
}

foreach my $row (@calls)
{
	my ($name, $call) = @$row;
	foreach my $transactions (1, 0)
	{
		my $when = $name . ($transactions ? ', many transactions' : ', one transaction');
		my $begin = time;
		call($call, 200, 1);
		my $batch = 1 + int(200 * Faults::seconds(20) / @calls / 2 / 3 / (time - $begin));
		run('BEGIN;') unless $transactions;
		call($call, $batch, $transactions);
		my $before = memory();
		call($call, $batch, $transactions) foreach 1 .. 2;
		my $after = memory();
		note(sprintf('%s: %d calls, contexts %d kB, process %d kB', $when, 200 + 3 * $batch, map { $after->[$_] - $before->[$_] } 0, 1));
		cmp_ok($after->[0] - $before->[0], '<=', $tolerance, "$when: contexts do not grow");
		cmp_ok($after->[1] - $before->[1], '<=', $tolerance, "$when: the process does not grow") if $transactions;
		run('COMMIT;') unless $transactions;
	}
}

Faults::end_session($session);
$node->stop;
done_testing();
