# Fifty sessions want the same thing of one user at once: one gets it.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $sessions = 50;

my $node = PostgreSQL::Test::Cluster->new('concurrency');
$node->init;
$node->append_conf('postgresql.conf', 'max_connections = 80');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION userlock');

# Holds what the others want until all of them stand in line, then lets go.
sub hold
{
	my ($statement) = @_;
	return qq{
	BEGIN;
	$statement;
	DO \$\$
	DECLARE
		patience timestamptz := clock_timestamp() + interval '60 seconds';
	BEGIN
		LOOP
			PERFORM pg_stat_clear_snapshot();
			EXIT WHEN (SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock') >= $sessions;
			IF clock_timestamp() > patience THEN RAISE EXCEPTION 'the others did not come'; END IF;
			PERFORM pg_sleep(0.01);
		END LOOP;
	END \$\$;
	ROLLBACK;
	};
}

# Runs the statement in all sessions at once; returns how many succeeded, and
# how often each error was raised.
sub race
{
	my ($isolation, @statements) = @_;
	return race_for(q{SELECT FROM userlock_private.account WHERE user_id = 'alice' FOR UPDATE}, 'account', $isolation, @statements);
}

# The same for something else than the row of alice: what holds it, and in which table.
sub race_for
{
	my ($held_by, $table, $isolation, @statements) = @_;
	my $directory = PostgreSQL::Test::Utils::tempdir();
	my @files;
	foreach my $i (0 .. $#statements)
	{
		push @files, '--file', "$directory/$i.sql\@1";
		append_to_file("$directory/$i.sql", "$statements[$i];\n");
	}

	append_to_file("$directory/hold.sql", hold($held_by));
	my $holder = IPC::Run::start(
		[ 'psql', '--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', "--file=$directory/hold.sql", $node->connstr('postgres') ],
		'<', \undef, '>', \my $held, '2>', \my $trouble);
	$node->poll_query_until('postgres', qq{SELECT count(*) > 0 FROM pg_locks WHERE relation = 'userlock_private.$table'::regclass AND mode IN ('RowShareLock', 'RowExclusiveLock')});

	local $ENV{PGOPTIONS} = "-c default_transaction_isolation=" . ($isolation =~ s/ /\\ /r);
	my ($stdout, $stderr) = ('', '');
	IPC::Run::run([ 'pgbench', '--no-vacuum', "--client=$sessions", "--jobs=$sessions", '--transactions=1', @files,
			$node->connstr('postgres') ], '>', \$stdout, '2>', \$stderr);
	$holder->finish;
	is($trouble, '', "$isolation: all stood in line");

	my ($processed) = $stdout =~ /number of transactions actually processed: (\d+)/;
	my %errors;
	$errors{$1}++ while $stderr =~ /ERROR:\s+(.*)/g;
	# pgbench counts serialization failures instead of showing them.
	$errors{serialization} = $1 if $stdout =~ /number of failed transactions: ([1-9]\d*)/;
	return ($processed, \%errors);
}

sub history { $node->safe_psql('postgres', q{SELECT string_agg(kind, ' ' ORDER BY sequence) FROM userlock_private.event}) }
sub verify { $node->safe_psql('postgres', 'SELECT count(*) FROM userlock.verify()') }

sub reset_alice
{
	$node->safe_psql(
		'postgres', q{
		TRUNCATE userlock_private.account, userlock_private.event;
		SELECT userlock.register_user('alice');
		SELECT userlock.lock_user('alice');
	});
}

reset_alice();
my ($processed, $errors) = race('read committed', q{SELECT userlock.unlock_user('alice')});
is($processed, 1, 'read committed: one session unlocked the user');
is_deeply($errors, { 'user "alice" is not locked' => $sessions - 1 }, 'read committed: the others were told that the user is not locked');
is(history(), 'registered locked unlocked', 'read committed: one event');
is(verify(), '0', 'read committed: account and history agree');

foreach my $isolation ('repeatable read', 'serializable')
{
	reset_alice();
	($processed, $errors) = race($isolation, q{SELECT userlock.unlock_user('alice')});
	is($processed, 1, "$isolation: one session unlocked the user");
	my $refused = delete $errors->{'user "alice" is not locked'} // 0;
	my $serialization = delete $errors->{serialization} // 0;
	is($refused + $serialization, $sessions - 1, "$isolation: the others were refused, or told to try again");
	is_deeply($errors, {}, "$isolation: no other error");
	is(history(), 'registered locked unlocked', "$isolation: one event");
	is(verify(), '0', "$isolation: account and history agree");
}

# All four transitions at once.  Whatever the order, each success has its event.
reset_alice();
($processed, $errors) = race('read committed',
	map { "SELECT userlock.${_}_user('alice')" } 'lock', 'unlock', 'block', 'unblock');
my $refused = 0;
$refused += $errors->{$_} foreach grep { /^user "alice" is (not|already) (locked|blocked)$/ } keys %$errors;
is($processed + $refused, $sessions, 'mixed: every session succeeded or was refused');
is($node->safe_psql('postgres', 'SELECT count(*) - 2 FROM userlock_private.event'), $processed, 'mixed: every success has one event');
is(verify(), '0', 'mixed: account and history agree');

# A user name, in whatever case, is one user's.
($processed, $errors) = race_for(q{SELECT userlock.register_user('holder', profile => '{"userName": "name"}')}, 'profile', 'read committed',
	q{SELECT userlock.register_user('user' || pg_backend_pid(), profile => '{"userName": "Name"}')});
is($processed, 1, 'user name: one session registered');
is((grep { /^the user name of user "user\d+" is taken$/ } keys %$errors) + 0, $sessions - 1, 'user name: the others were told that the name is taken');
is(scalar(keys %$errors), $sessions - 1, 'user name: no other error');
is($node->safe_psql('postgres', q{SELECT count(*) FROM userlock.users WHERE user_name_lower = 'name'}), '1', 'user name: one user has it');
is(verify(), '0', 'user name: account and history agree');

# Set-based calls over the same users in any order never deadlock.
$node->safe_psql('postgres', q{
	TRUNCATE userlock_private.account, userlock_private.event;
	SELECT count(userlock.register_user('user' || i)) FROM generate_series(1, 200) AS i;
});
my $script = PostgreSQL::Test::Utils::tempdir() . '/bulk.sql';
append_to_file($script, q{
	SELECT count(*) FROM userlock.lock_users(ARRAY(SELECT 'user' || i FROM generate_series(1, 200) AS i ORDER BY random() LIMIT 100));
	SELECT count(*) FROM userlock.unlock_users(ARRAY(SELECT 'user' || i FROM generate_series(1, 200) AS i ORDER BY random() LIMIT 100));
});
$node->command_like(
	[ 'pgbench', '--no-vacuum', '--client=8', '--jobs=2', '--transactions=20', "--file=$script", $node->connstr('postgres') ],
	qr{number of transactions actually processed: 160/160}, 'bulk: 8 sessions, random sets in random order, no deadlock');
is(verify(), '0', 'bulk: accounts and history agree');

$node->stop;
done_testing();
