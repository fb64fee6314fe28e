# Changes on the primary, checks on a standby: with remote_apply the very next check
# there refuses, otherwise the first after replay; what waits, and for how long; and
# nothing is changed on the standby itself, not even half.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Faults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "hot_standby = on\nautovacuum = off");
$primary->start;
$primary->safe_psql('postgres', 'CREATE EXTENSION userlock');
$primary->safe_psql('postgres', q{
	SELECT userlock.register_user('user' || n, profile => '{"userName": "user"}'::jsonb || jsonb_build_object('userName', 'user' || n)) FROM generate_series(1, 60) AS n;
	SELECT userlock.record_login_failure('user60');
	CREATE TABLE person (id text PRIMARY KEY);
	CREATE TABLE adopted (id text PRIMARY KEY);
	SELECT userlock.adopt('adopted', 'id');
	SELECT userlock.create_api_key('key', current_user, 'default');
	CREATE FUNCTION claim(who text) RETURNS void LANGUAGE sql AS
		$$SELECT set_config('request.jwt.claims', json_build_object('sub', who, 'iat', extract(epoch FROM now()) + 5)::text, false)$$});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', 'hot_standby_feedback = on');
$standby->start;
$primary->append_conf('postgresql.conf', "synchronous_standby_names = '*'");
$primary->reload;
$primary->poll_query_until('postgres', q{SELECT sync_state = 'sync' FROM pg_stat_replication}) or die;

# One session on each side, as a pool keeps them.
my $writer = Faults::begin_session($primary);
my $reader = Faults::begin_session($standby, '--set=VERBOSITY=terse');

sub said
{
	my ($session) = @_;
	my $marker = 'said ' . ++$session->{said};
	$session->{in} .= "\\echo $marker\n";
	$session->{psql}->pump until $session->{out} =~ s/^\Q$marker\E\n//m;
	my $text = $session->{out} . $session->{err};
	$session->{out} = $session->{err} = '';
	return $text;
}

sub ask
{
	my ($session, $statement) = @_;
	$session->{in} .= "$statement;\n";
	return said($session);
}

sub check
{
	my ($user) = @_;
	ask($reader, "SELECT FROM claim('$user')");
	return ask($reader, 'SELECT FROM userlock.check_request()') =~ /ERROR:  (.*)/ ? $1 : 'passes';
}

# With remote_apply, set for the one transaction.
my @wrong;
foreach my $n (1 .. 50)
{
	my $verb = $n % 2 ? 'lock' : 'block';
	push @wrong, "user$n was refused before" if check("user$n") ne 'passes';
	ask($writer, "BEGIN; SET LOCAL synchronous_commit = remote_apply; SELECT FROM userlock.${verb}_user('user$n'); COMMIT");
	my $answer = check("user$n");
	push @wrong, "user$n: $answer" unless $answer eq "user \"user$n\" is ${verb}ed";
}
is_deeply(\@wrong, [], 'with remote_apply the very next check on the standby refuses, 50 times of 50');

# Replay stands still: what is acknowledged is not seen yet.
my $pause = sub { $standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()'); $standby->poll_query_until('postgres', q{SELECT pg_get_wal_replay_pause_state() = 'paused'}) };
my $resume = sub { $standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()') };
$pause->();
ask($writer, 'SET synchronous_commit = on');
ask($writer, q{SELECT FROM userlock.lock_user('user51')});
is(check('user51'), 'passes', 'with "on" a check on the standby may pass until the lock has been replayed');
is($primary->safe_psql('postgres', q{SELECT userlock.user_allowed('user51')}), 'f', '… which the primary already refuses');
is(ask($reader, q{SELECT state, sequence FROM userlock.user_status('user51')}), "active|1\n", '… and reads there are as old');
$resume->();
$standby->poll_query_until('postgres', q{SELECT NOT userlock.user_allowed('user51')});
is(check('user51'), 'user "user51" is locked', '… then it refuses');

# With remote_apply the call waits instead; no time limit of the statement ends that.
$pause->();
ask($writer, 'SET synchronous_commit = remote_apply');
ask($writer, q{SET statement_timeout = '200ms'});
$writer->{in} .= q{SELECT FROM userlock.lock_user('user52');} . "\n";
$writer->{psql}->pump_nb;
my $waits = q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'};
ok($primary->poll_query_until('postgres', $waits), 'with remote_apply a change waits for replay');
sleep 1;
is($primary->safe_psql('postgres', $waits), 't', '… longer than statement_timeout allows');
is($primary->safe_psql('postgres', q{SELECT userlock.user_allowed('user52')}), 't', '… and nobody sees it meanwhile, on the primary neither');
$primary->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'});
like(said($writer), qr/WARNING:  canceling wait for synchronous replication due to user request/, '… and whoever cancels the wait has made it all the same');
is($primary->safe_psql('postgres', q{SELECT userlock.user_allowed('user52')}), 'f', '… on the primary at once');
$writer->{in} .= q{SELECT FROM userlock.lock_user('user59');} . "\n";
$writer->{psql}->pump_nb;
$primary->poll_query_until('postgres', $waits);
$primary->safe_psql('postgres', q{ALTER SYSTEM SET synchronous_standby_names = ''});
$primary->reload;
is(said($writer), '', '… or until nobody is waited for any more');
$primary->safe_psql('postgres', q{ALTER SYSTEM RESET synchronous_standby_names});
$primary->reload;
$primary->poll_query_until('postgres', q{SELECT sync_state = 'sync' FROM pg_stat_replication});
$resume->();
ok($standby->poll_query_until('postgres', q{SELECT NOT userlock.user_allowed('user52')}), '… and there when it arrives');
ask($writer, 'RESET statement_timeout');

# A reader who takes their time holds up nobody's lock: hot_standby_feedback.
my $slow = Faults::begin_session($standby);
ask($slow, 'BEGIN ISOLATION LEVEL REPEATABLE READ');
ask($slow, 'SELECT FROM userlock.verify()');
ok($primary->poll_query_until('postgres', q{SELECT backend_xmin IS NOT NULL FROM pg_stat_replication}), 'the standby says what its readers still see');
ask($writer, q{SELECT FROM userlock.unlock_user('user1')});
$primary->safe_psql('postgres', 'SET synchronous_commit = local; VACUUM userlock_private.account');
ask($writer, q{SELECT FROM userlock.lock_user('user53')});
is(check('user53'), 'user "user53" is locked', 'with hot_standby_feedback a long read on the standby delays no lock');
is(ask($slow, q{SELECT user_id, state FROM userlock.users WHERE user_id IN ('user1', 'user53') ORDER BY 1}), "user1|locked\nuser53|active\n", '… and goes on with what it sees');
$slow->{psql}->finish;

# Everything that writes, called there.
my %call = (
	adopt => q{'person', 'id'}, release => q{'adopted'},
	register_user => q{'new'}, delete_user => q{'user54'}, erase_user => q{'user54'}, revoke_access => q{'user54'}, set_profile => q{'user54', '{"userName": "x"}'},
	lock_user => q{'user54'}, unlock_user => q{'user51'}, block_user => q{'user54'}, unblock_user => q{'user2'},
	lock_users => q{'{user54,user55}'}, unlock_users => q{'{user51,user55}'}, block_users => q{'{user54,nobody}'}, unblock_users => q{'{user2}'},
	try_transition => q{'lock', 'user54'},
	undo => q{(SELECT batch FROM userlock.user_history WHERE user_id = 'user56' AND kind = 'locked')}, expire => '',
	record_login_failure => q{'user54'}, record_login_success => q{'user60'}, prune_login_failures => '',
	prune_history => q{now() - interval '1 year'}, refresh_statistics => '', set_lockout_policy => q{'pci'},
	create_api_key => q{'other', current_user, 'default'}, rotate_api_key => q{'key', 'default'}, revoke_api_key => q{'key', 'default'},
	reset_access_floor => q{'user57', 'the clock was ahead'});
my $volatile = q{SELECT proname FROM pg_proc WHERE pronamespace = 'userlock'::regnamespace AND provolatile = 'v'
	AND prorettype <> 'trigger'::regtype AND proname <> 'check_request' ORDER BY proname COLLATE "C"};
is(join("\n", sort keys %call), $primary->safe_psql('postgres', $volatile), 'all that may write is called here');
# What undo, expire and reset_access_floor have something to do about.
ask($writer, q{SELECT count(*) FROM userlock.lock_users('{user56}')});
ask($writer, q{SELECT FROM userlock.lock_user('user58', until => clock_timestamp() + interval '100 ms')});
ask($writer, q{UPDATE userlock_private.account SET changed_at = changed_at + interval '1 hour', access_valid_after = now() + interval '1 hour' WHERE user_id = 'user57'});
sleep 1;
my $all = q{SELECT md5(string_agg(t, '|')) FROM (
	SELECT a::text FROM userlock_private.account AS a UNION ALL SELECT e::text FROM userlock_private.event AS e
	UNION ALL SELECT p::text FROM userlock_private.profile AS p UNION ALL SELECT f::text FROM userlock_private.login_failure AS f
	UNION ALL SELECT l::text FROM userlock_private.lockout_policy AS l UNION ALL SELECT k::text FROM userlock_private.api_key AS k ORDER BY 1) AS t (t)};
my $before = $primary->safe_psql('postgres', $all);
foreach my $name (sort keys %call)
{
	my (undef, undef, $stderr) = $standby->psql('postgres', "\\set VERBOSITY verbose\nSELECT * FROM userlock.$name($call{$name})");
	like($stderr, qr/ERROR:  25006: cannot (?:execute [A-Z ]+|execute [a-z_]+\(\)|record a login) (?:in a read-only transaction|during recovery)/, "$name() is refused with 25006 on the standby");
}
is($standby->safe_psql('postgres', $all), $before, '… and nothing is changed there');
is($primary->safe_psql('postgres', $all), $before, '… or on the primary');
is(ask($reader, q{SELECT user_id, (status).state FROM userlock.lock_users('{user54,user2}', dry_run => true)}), "user2|locked+blocked\nuser54|locked\n",
	'what set-based calls would do can be seen there, too');

is(ask($reader, q{SELECT user_id, (status).state FROM userlock.undo((SELECT batch FROM userlock.user_history WHERE user_id = 'user56' AND kind = 'locked'), dry_run => true)}),
	"user56|active\n", '… and what undo would');

$reader->{psql}->finish;
$writer->{psql}->finish;
$standby->stop;
$primary->stop;
done_testing();
