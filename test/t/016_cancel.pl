# What changes many users is stopped in its midst, by pg_cancel_backend, a timeout, a
# client that is gone: it is done as a whole or not at all, and holds up nobody.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Faults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $users = 600;

my $node = PostgreSQL::Test::Cluster->new('cancel');
$node->init;
$node->append_conf('postgresql.conf', 'client_connection_check_interval = 10ms');
$node->start;
# Whoever writes an event of somebody in the middle waits while the test has the lock.
$node->safe_psql('postgres', qq{
	CREATE EXTENSION userlock;
	SELECT count(userlock.register_user('user' || i)) FROM generate_series(1, $users) AS i;
	CREATE TABLE person (id text PRIMARY KEY);
	INSERT INTO person SELECT 'person' || i FROM generate_series(1, $users) AS i;
	CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END';
	CREATE TRIGGER wait BEFORE INSERT ON userlock_private.event FOR EACH ROW WHEN (NEW.user_id LIKE '%500') EXECUTE FUNCTION wait()});

my $asker = Faults::begin_session($node);
sub ask
{
	my ($statements) = @_;
	chomp(my $answer = Faults::run_in($asker, "$statements;"));
	die "$statements: $asker->{err}" if $asker->{err} ne '';
	return $answer;
}

my $holder = Faults::begin_session($node);
sub is_waiting { return ask(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}) > 0; }
sub is_over { return ask(q{SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND state = 'active'}) == 0; }

# Ways to stop a call at the moment that is awaited.
sub begin
{
	my ($call) = @_;
	my $session = Faults::begin_session($node);
	chomp($session->{pid} = Faults::run_in($session, 'SELECT pg_backend_pid();'));
	Faults::begin_in($session, $call);
	return $session;
}
my %stops = (
	cancel => sub {
		my ($call, $await) = @_;
		my $session = begin($call);
		$await->();
		ask("SELECT pg_cancel_backend($session->{pid})");
		Faults::end_session($session);
	},
	timeout => sub {
		my ($call) = @_;
		$node->psql('postgres', "SET statement_timeout = 150; $call");
	},
	disconnect => sub {
		my ($call, $await) = @_;
		my $session = begin($call);
		$await->();
		$session->{psql}->signal('KILL');
		Faults::end_session($session);
	});

my $ids = "ARRAY(SELECT 'user' || i FROM generate_series(1, $users) AS i ORDER BY random())";
my $locked = q{SELECT count(*) FROM userlock_private.account WHERE state::text = 'locked'};
my $blocked = q{SELECT count(*) FROM userlock_private.account WHERE state::text = 'blocked'};
my $adopted = q{SELECT count(*) FROM userlock_private.account WHERE adoption IS NOT NULL};
my $more = "INSERT INTO person SELECT 'more' || i FROM generate_series(1, $users) AS i";
# As if an hour had passed.
my $ended = q{
	UPDATE userlock_private.event SET until = at + interval '1 microsecond' WHERE until > now();
	UPDATE userlock_private.account SET locked_until = locked_at + interval '1 microsecond' WHERE locked_until > now()};
# What is to be stopped, what counts what it has done, and what comes before it.
my @calls = (
	[ 'lock_users()', "SELECT count(*) FROM userlock.lock_users($ids)", $locked, "SELECT count(*) FROM userlock.unlock_users($ids)" ],
	[ 'unlock_users()', "SELECT count(*) FROM userlock.unlock_users($ids)", $locked, "SELECT count(*) FROM userlock.lock_users($ids)" ],
	[ 'block_users()', "SELECT count(*) FROM userlock.block_users($ids)", $blocked, "SELECT count(*) FROM userlock.unblock_users($ids)" ],
	[ 'unblock_users()', "SELECT count(*) FROM userlock.unblock_users($ids)", $blocked, "SELECT count(*) FROM userlock.block_users($ids)" ],
	[ 'expire()', 'SELECT userlock.expire()', $locked, "SELECT count(*) FROM userlock.unlock_users($ids); SELECT count(*) FROM userlock.lock_users($ids, until => clock_timestamp() + interval '1 hour'); $ended" ],
	[ 'adopt()', q{SELECT userlock.adopt('person', 'id')}, $adopted, q{SELECT userlock.release('person'); SELECT count(userlock.delete_user(id, idempotent => true)) FROM person} ],
	[ 'inserts that are followed', $more, $adopted, q{SELECT userlock.adopt('person', 'id'); DELETE FROM person WHERE id LIKE 'more%'} ],
	[ 'deletes that are followed', q{DELETE FROM person WHERE id LIKE 'more%'}, $adopted, "SELECT userlock.adopt('person', 'id'); $more ON CONFLICT DO NOTHING" ],
);

foreach my $row (@calls)
{
	my ($name, $call, $count, $before) = @$row;

	ask($before);
	my $without = ask($count);
	my $begin = time;
	ask($call);
	my $duration = time - $begin;
	my $with = ask($count);
	isnt($with, $without, "$name does something");
	ask($before);

	# In the middle.
	foreach my $how (sort keys %stops)
	{
		Faults::run_in($holder, 'SELECT pg_advisory_lock(1);');
		$stops{$how}->($call, sub { Faults::await(\&is_waiting) });
		Faults::await(\&is_over);
		is(ask($count), $without, "$name, $how: is not done by half");
		is( ask(q{SELECT count(*) FROM pg_locks WHERE pid <> pg_backend_pid() AND relation IN ('userlock_private.account'::regclass, 'userlock_private.event'::regclass, 'person'::regclass)}),
			'0', "$name, $how: no lock is left");
		Faults::run_in($holder, 'SELECT pg_advisory_unlock(1);');
	}

	# Anywhere.
	my $end = time + Faults::seconds(3) / @calls;
	my @by_half;
	while (time < $end)
	{
		my $how = (qw(cancel disconnect))[rand 2];
		$stops{$how}->($call, sub { sleep(rand $duration) });
		Faults::await(\&is_over);
		my $done = ask($count);
		push @by_half, "$how: $done" if $done ne $with && $done ne $without;
		ask($before) if $done ne $without;
	}
	is("@by_half", '', "$name, at any time: is done as a whole or not at all");

	ask("SET lock_timeout = '1s'; $call");
	is(ask($count), $with, "$name: works the next time");
	Faults::is_sound($node, $name);
}

Faults::end_session($_) foreach $holder, $asker;
$node->stop;
done_testing();
