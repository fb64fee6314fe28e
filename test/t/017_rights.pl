# Whatever error ends a call, its caller is who they were: the user, the role, the
# search_path, the settings; they may change roles and make temporary tables.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Faults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('rights');
$node->init;
# Few locks, so that all can be taken.
$node->append_conf('postgresql.conf', "max_connections = 12\nmax_locks_per_transaction = 10\nmax_prepared_transactions = 0\nautovacuum = off\nlog_min_messages = fatal\nlog_statement = none");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION userlock;
	CREATE ROLE person_in_session LOGIN;
	CREATE ROLE helper;
	CREATE ROLE other;
	CREATE ROLE stranger;
	GRANT helper TO person_in_session;
	GRANT other TO person_in_session, helper;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA userlock TO helper;
	GRANT USAGE ON SCHEMA userlock TO helper, person_in_session;
	CREATE SCHEMA app;
	GRANT ALL ON SCHEMA app TO PUBLIC;
	SELECT userlock.register_user(n) FROM unnest('{alice,locked,blocked,ahead,ended}'::text[]) AS n;
	SELECT userlock.lock_user('locked'), userlock.block_user('blocked'), userlock.lock_user('ended', until => clock_timestamp() + interval '1 hour');
	UPDATE userlock_private.event SET until = at + interval '1 microsecond' WHERE user_id = 'ended' AND sequence = 2;
	UPDATE userlock_private.account SET locked_until = locked_at + interval '1 microsecond' WHERE user_id = 'ended';
	SELECT userlock.register_user('old'), userlock.lock_user('old'), userlock.unlock_user('old');
	SELECT userlock.record_login_failure('old');
	UPDATE userlock_private.event SET at = at - interval '9 days' WHERE user_id = 'old';
	UPDATE userlock_private.account SET created_at = created_at - interval '9 days', changed_at = changed_at - interval '9 days', access_valid_after = access_valid_after - interval '9 days' WHERE user_id = 'old';
	UPDATE userlock_private.event SET at = at + interval '1 year' WHERE user_id = 'ahead';
	UPDATE userlock_private.account SET created_at = created_at + interval '1 year', changed_at = changed_at + interval '1 year' WHERE user_id = 'ahead';
	SELECT userlock.register_user('batched');
	SET userlock.batch = '7f0c2a52-6f5b-4d0e-9d5c-3a1f9f6b2f10'; SELECT userlock.block_user('batched'); RESET userlock.batch;
	CREATE TABLE app.person (id text PRIMARY KEY, user_name text);
	ALTER TABLE app.person OWNER TO helper;
	INSERT INTO app.person VALUES ('paula');
	CREATE TABLE app.follower (id text PRIMARY KEY);
	ALTER TABLE app.follower OWNER TO helper;
	SELECT userlock.adopt('app.follower', 'id');
	SET ROLE helper; SELECT userlock.create_api_key('key', 'other'); RESET ROLE;

	-- What an administrator may have put on the tables.
	CREATE FUNCTION app.fail() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF current_setting('app.fail', true) = TG_ARGV[0] THEN
			RAISE EXCEPTION 'the administrator is against it' USING ERRCODE = 'ADMIN';
		END IF;
		RETURN NULL;
	END $$;
	DO $$
	DECLARE
		name text;
	BEGIN
		FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'userlock_private'::regnamespace AND relkind = 'r' LOOP
			EXECUTE format('CREATE TRIGGER statement_fails AFTER INSERT OR UPDATE OR DELETE ON userlock_private.%I EXECUTE FUNCTION app.fail(statement)', name);
		END LOOP;
	END $$;
	CREATE TRIGGER row_fails AFTER INSERT ON userlock_private.event FOR EACH ROW EXECUTE FUNCTION app.fail(row);
	CREATE CONSTRAINT TRIGGER commit_fails AFTER INSERT ON userlock_private.event DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.fail(commit);

	-- Who the session is.  What one may do: in a security-restricted operation, or where
	-- the user has been changed, it is an error.
	CREATE FUNCTION app.look(does boolean) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		IF does THEN
			PERFORM set_config('role', 'other', true);
			PERFORM set_config('role', 'helper', true);
			CREATE TEMPORARY TABLE looked ();
			DROP TABLE looked;
		END IF;
		RETURN concat_ws(' ', session_user, current_user, current_setting('role'), current_setting('search_path'), current_setting('enable_seqscan'), current_setting('enable_bitmapscan'));
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLERRM;
	END $$;
	-- The SQLSTATE that a statement ends with, caught here …
	CREATE FUNCTION app.catch(statement text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE statement;
		RETURN 'none';
	EXCEPTION WHEN OTHERS OR query_canceled THEN
		RETURN SQLSTATE;
	END $$;
	-- … or only after another has had it.
	CREATE FUNCTION app.catch_again(statement text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		BEGIN
			EXECUTE statement;
			RETURN 'none';
		EXCEPTION WHEN OTHERS OR query_canceled THEN
			RAISE;
		END;
	EXCEPTION WHEN OTHERS OR query_canceled THEN
		RETURN SQLSTATE;
	END $$;
});

# Each function, in a call that would succeed; what it does (reads tables, writes
# them, writes an event); and calls that are refused.
my $long = q{repeat('x', 201)};
my @calls = (
	[ 'register_user', q{SELECT userlock.register_user('new', profile => '{"userName": "new"}')}, 'event', PT409 => q{SELECT userlock.register_user('alice')}, PT422 => "SELECT userlock.register_user($long)", PT422 => q{SELECT userlock.register_user('new', profile => '7')} ],
	[ 'delete_user', q{SELECT userlock.delete_user('alice')}, 'event', PT404 => q{SELECT userlock.delete_user('nobody')}, PT412 => q{SELECT userlock.delete_user('alice', expected_sequence => 7)} ],
	[ 'set_profile', q{SELECT userlock.set_profile('alice', '{"userName": "alice"}')}, 'event', PT404 => q{SELECT userlock.set_profile('nobody', '{}')}, PT422 => q{SELECT userlock.set_profile('alice', '[]')} ],
	[ 'revoke_access', q{SELECT userlock.revoke_access('alice')}, 'event', PT404 => q{SELECT userlock.revoke_access('nobody')}, PT422 => q{SELECT userlock.revoke_access('alice', details => '7')} ],
	[ 'reset_access_floor', q{SELECT userlock.reset_access_floor('ahead')}, 'event', PT400 => q{SELECT userlock.reset_access_floor('alice')} ],
	[ 'user_status', q{SELECT userlock.user_status('alice')}, 'reads', PT404 => q{SELECT userlock.user_status('nobody')} ],
	[ 'user_profile', q{SELECT userlock.user_profile('alice')}, 'reads', PT422 => "SELECT userlock.user_profile($long)" ],
	[ 'lock_user', q{SELECT userlock.lock_user('alice')}, 'event', PT400 => q{SELECT userlock.lock_user('locked')}, PT404 => q{SELECT userlock.lock_user('nobody')}, PT422 => q{SELECT userlock.lock_user('alice', until => 'yesterday')} ],
	[ 'unlock_user', q{SELECT userlock.unlock_user('locked')}, 'event', PT400 => q{SELECT userlock.unlock_user('alice')}, PT422 => q{SELECT userlock.unlock_user('')} ],
	[ 'block_user', q{SELECT userlock.block_user('alice')}, 'event', PT400 => q{SELECT userlock.block_user('blocked')}, PT412 => q{SELECT userlock.block_user('alice', expected_sequence => 7)} ],
	[ 'unblock_user', q{SELECT userlock.unblock_user('blocked')}, 'event', PT400 => q{SELECT userlock.unblock_user('alice')}, PT422 => "SELECT userlock.unblock_user('alice', tenant => $long)" ],
	[ 'try_transition', q{SELECT userlock.try_transition('lock', 'alice')}, 'event' ],
	[ 'lock_users', q{SELECT userlock.lock_users('{alice,blocked}')}, 'event', PT422 => q{SELECT userlock.lock_users('{alice,alice}')} ],
	[ 'unlock_users', q{SELECT userlock.unlock_users('{locked,nobody}')}, 'event', PT422 => q{SELECT userlock.unlock_users(NULL)} ],
	[ 'block_users', q{SELECT userlock.block_users('{alice,locked}')}, 'event', PT422 => q{SELECT userlock.block_users('{{alice},{locked}}')} ],
	[ 'unblock_users', q{SELECT userlock.unblock_users('{blocked}')}, 'event', PT422 => q{SELECT userlock.unblock_users('{blocked,NULL}')} ],
	[ 'check_request', q{SELECT userlock.check_request() WHERE set_config('request.jwt.claims', '{"sub":"alice"}', true) <> ''}, 'reads', PT403 => q{SELECT userlock.check_request() WHERE set_config('request.jwt.claims', '{"sub":"locked"}', true) <> ''}, PT401 => q{SELECT userlock.check_request() WHERE set_config('request.jwt.claims', '{"sub":"nobody"}', true) <> ''} ],
	[ 'current_user_allowed', q{SELECT userlock.current_user_allowed() WHERE set_config('request.jwt.claims', '{"sub":"alice"}', true) <> ''}, 'reads' ],
	[ 'user_allowed', q{SELECT userlock.user_allowed('alice')}, 'reads' ],
	[ 'record_login_failure', q{SELECT userlock.record_login_failure('alice')}, 'writes', PT403 => q{SELECT userlock.record_login_failure('alice', tenant => 'default') WHERE set_config('request.jwt.claims', '{"tenant":"globex"}', true) <> ''} ],
	[ 'record_login_success', q{SELECT userlock.record_login_success('alice')}, 'writes' ],
	[ 'login_verdict', q{SELECT userlock.login_verdict('alice')}, 'reads' ],
	[ 'prune_login_failures', q{SELECT userlock.prune_login_failures()}, 'writes' ],
	[ 'set_lockout_policy', q{SELECT userlock.set_lockout_policy()}, 'writes', PT422 => q{SELECT userlock.set_lockout_policy(attempts => 0)} ],
	[ 'find_users', q{SELECT userlock.find_users()}, 'reads', PT422 => q{SELECT userlock.find_users('[]')} ],
	[ 'count_users', q{SELECT userlock.count_users()}, 'reads', PT422 => q{SELECT userlock.count_users('7')} ],
	[ 'find_restricted_users', q{SELECT userlock.find_restricted_users()}, 'reads', PT422 => q{SELECT userlock.find_restricted_users('[]')} ],
	[ 'find_events', q{SELECT userlock.find_events('alice')}, 'reads', PT422 => q{SELECT userlock.find_events('alice', page_size => -1)} ],
	[ 'undo', q{SELECT userlock.undo('7f0c2a52-6f5b-4d0e-9d5c-3a1f9f6b2f10')}, 'event', PT404 => q{SELECT userlock.undo('00000000-0000-0000-0000-000000000000')}, PT422 => q{SELECT userlock.undo(NULL)} ],
	[ 'erase_user', q{SELECT userlock.erase_user('alice')}, 'writes', PT404 => q{SELECT userlock.erase_user('nobody')} ],
	[ 'prune_history', q{SELECT userlock.prune_history(clock_timestamp() - interval '8 days')}, 'writes', PT422 => q{SELECT userlock.prune_history(NULL)} ],
	[ 'export_user', q{SELECT userlock.export_user('alice')}, 'reads', PT404 => q{SELECT userlock.export_user('nobody')} ],
	[ 'refresh_statistics', q{SELECT userlock.refresh_statistics()}, 'writes' ],
	[ 'expire', q{SELECT userlock.expire()}, 'event' ],
	[ 'verify', q{SELECT count(*) FROM userlock.verify()}, 'reads' ],
	[ 'adopt', q{SELECT userlock.adopt('app.person', 'id')}, 'event', PT422 => q{SELECT userlock.adopt('app.person', 'no_column')}, 42501 => q{SELECT userlock.adopt('pg_class', 'oid')} ],
	[ 'release', q{SELECT userlock.release('app.follower')}, 'reads', 42501 => q{SELECT userlock.release('pg_class')} ],
	[ 'follow_row', q{INSERT INTO app.follower VALUES ('fred')}, 'event', PT422 => "INSERT INTO app.follower VALUES ($long)", '39P01' => 'SELECT userlock.follow_row()' ],
	[ 'create_api_key', q{SELECT userlock.create_api_key('another', 'other')}, 'writes', PT409 => q{SELECT userlock.create_api_key('key', 'other')}, PT403 => q{SELECT userlock.create_api_key('another', 'stranger')} ],
	[ 'rotate_api_key', q{SELECT userlock.rotate_api_key('key')}, 'writes', PT404 => q{SELECT userlock.rotate_api_key('none')} ],
	[ 'revoke_api_key', q{SELECT userlock.revoke_api_key('key')}, 'writes', PT404 => q{SELECT userlock.revoke_api_key('none')} ],
	[ 'whoami', q{SELECT userlock.whoami()}, 'nothing' ],
);
is( $node->safe_psql('postgres', q{
		SELECT string_agg(proname, ' ' ORDER BY proname) FROM pg_proc AS p
		WHERE pronamespace = 'userlock'::regnamespace AND NOT EXISTS (SELECT FROM aclexplode(p.proacl) AS a WHERE a.grantee = 0)}),
	join(' ', sort map { $_->[0] } @calls), 'each function that is not for everybody is tried');

# All in one session.
my $session = Faults::begin_session($node, '--username=person_in_session');
sub run { return Faults::run_in($session, $_[0]); }
my $before = run(q{
	\set ON_ERROR_ROLLBACK off
	SET ROLE helper; SET search_path = app, public; SET enable_bitmapscan = on;
	SELECT app.look(true);});
is($before, "person_in_session helper helper app, public on on\n", 'who the session is');

# What comes before each try, and after it.
my ($before_each, $after_each) = ('', '');

# Ways to meet an error, each of which says what it was, and who the session is then.
sub errors_of
{
	my ($statement, $does) = @_;
	my $quoted = $statement =~ s/'/''/gr;
	return run(qq{
		$before_each
		$statement;
		\\echo :LAST_ERROR_SQLSTATE
		$after_each
		SELECT app.look($does);
		BEGIN;
		SAVEPOINT before;
		$before_each
		$statement;
		\\echo :LAST_ERROR_SQLSTATE
		ROLLBACK TO before;
		SELECT app.look($does);
		COMMIT;
		$before_each
		SELECT app.catch('$quoted'), E'\\n' || app.look($does);
		SELECT app.catch_again('$quoted'), E'\\n' || app.look($does);
		$after_each}) =~ s/\|\n/\n/gr;
}
sub tries
{
	my ($name, $statement, $sqlstate, $does) = @_;
	is(errors_of($statement, $does // 'true'), "$sqlstate\n$before" x 4, "$name: $sqlstate");
	# The next time, the first try plans anew, and the others do not.
	run('DISCARD PLANS;');
}

my %does = (
	reads => { map { $_->[0] => $_->[1] } grep { $_->[2] ne 'nothing' } @calls },
	writes => { map { $_->[0] => $_->[1] } grep { $_->[2] =~ /writes|event/ } @calls },
	event => { map { $_->[0] => $_->[1] } grep { $_->[2] eq 'event' } @calls });
sub each_that
{
	my ($does, $what, $sqlstate, $looks) = @_;
	tries("$_, $what", $does{$does}{$_}, $sqlstate, $looks) foreach sort keys %{ $does{$does} };
}

foreach my $call (@calls)
{
	my ($name, $statement, $does, @refused) = @$call;
	while (my ($sqlstate, $refused) = splice @refused, 0, 2)
	{
		tries("$name, refused", $refused, $sqlstate);
	}
}

# An administrator's triggers, in the midst of the call and afterwards.
run(q{SET app.fail = 'statement';});
each_that('writes', 'against the administrator', 'ADMIN');
run(q{SET app.fail = 'row';});
each_that('event', 'an event against the administrator', 'ADMIN');
run(q{SET app.fail = 'commit';});
foreach my $name (sort keys %{ $does{event} })
{
	is( run("BEGIN; $does{event}{$name} \\g /dev/null\nSELECT app.look(true); COMMIT;\n\\echo :LAST_ERROR_SQLSTATE\nSELECT app.look(true);"),
		"${before}ADMIN\n$before", "$name, an error at the commit: ADMIN");
}
run('RESET app.fail;');

# A table that is not to be had: in vain, too long, called off.
my $holder = Faults::begin_session($node);
Faults::run_in($holder, q{
	BEGIN; LOCK TABLE app.person, app.follower IN ACCESS EXCLUSIVE MODE;
	DO $$ BEGIN
		EXECUTE (SELECT format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', string_agg(oid::regclass::text, ', '))
			FROM pg_class WHERE relnamespace = 'userlock_private'::regnamespace AND relkind = 'r');
	END $$;});
run('SET lock_timeout = 10;');
each_that('reads', 'waits in vain', '55P03');
run('RESET lock_timeout;');
($before_each, $after_each) = ('SET statement_timeout = 30;', 'RESET statement_timeout;');
each_that('reads', 'takes too long', '57014');
($before_each, $after_each) = ('', '');
my $canceller = Faults::begin_session($node);
chomp(my $its_pid = Faults::run_in($canceller, 'SELECT pg_backend_pid();'));
# Each wait once: the next statement is not to be called off.
Faults::begin_in($canceller, q{
	DO $$
	DECLARE
		before timestamptz := '-infinity';
	BEGIN
		LOOP
			SELECT coalesce(max(waitstart), before) INTO before FROM pg_locks
			WHERE NOT granted AND waitstart > before AND pg_cancel_backend(pid);
			PERFORM pg_sleep(0.005);
		END LOOP;
	END $$});
each_that('reads', 'is called off', '57014');
Faults::run_in($holder, "SELECT pg_terminate_backend($its_pid);");
Faults::end_session($canceller);
Faults::run_in($holder, 'ROLLBACK;');

# Nothing can be written.
run('SET default_transaction_read_only = on;');
each_that('event', 'read only', '25006', 'false');
run('SET default_transaction_read_only = off;');

# No lock is to be had: all are taken, and most of those that a transaction has without
# asking are in use.
sub catch
{
	my ($statement) = @_;
	my $quoted = $statement =~ s/'/''/gr;
	return run("SAVEPOINT before; SELECT app.catch('$quoted'), E'\\n' || app.look(false); ROLLBACK TO before;") =~ s/\|\n/\n/r;
}
run("CREATE TABLE app.t$_ ();") foreach 1 .. 14;
run('BEGIN;' . join('', map { "SELECT FROM app.t$_;" } 1 .. 14));
is(catch($does{writes}{$_}), "none\n$before", "$_ works") foreach sort keys %{ $does{writes} };
Faults::run_in($holder, q{
	DO $$
	BEGIN
		FOR i IN 1 .. 100000 LOOP PERFORM pg_advisory_lock(i); END LOOP;
	EXCEPTION WHEN out_of_memory THEN NULL;
	END $$;});
is(catch($does{writes}{$_}), "53200\n$before", "$_, no lock is to be had: 53200") foreach sort keys %{ $does{writes} };
Faults::run_in($holder, 'SELECT pg_advisory_unlock_all();');
run('ROLLBACK;');
is(run('SELECT app.look(true);'), $before, 'who the session is, once there are locks');

# Somebody else was faster.
foreach my $name (qw(lock_user lock_users block_user revoke_access set_profile delete_user expire))
{
	my $user = $name eq 'expire' ? 'ended' : 'alice';
	is( run(qq{
		BEGIN ISOLATION LEVEL REPEATABLE READ;
		SELECT \\g /dev/null
		\\! psql -XAtqc "UPDATE userlock_private.account SET sequence = sequence WHERE user_id = '$user'" "@{[ $node->connstr('postgres') ]}"
		SAVEPOINT before;
		$does{event}{$name};
		\\echo :LAST_ERROR_SQLSTATE
		ROLLBACK TO before;
		SELECT app.look(true);
		COMMIT;
		SELECT app.look(true);}),
		"40001\n$before$before", "$name, somebody else was faster: 40001");
}

# After all that, the calls do what they are for.
foreach my $call (@calls)
{
	my ($name, $statement) = @$call;
	is(run("BEGIN; SELECT app.catch('" . ($statement =~ s/'/''/gr) . "'); SELECT app.look(true); ROLLBACK;"), "none\n$before", "$name works");
}

Faults::end_session($_) foreach $session, $holder;
Faults::is_sound($node, 'afterwards');
$node->stop;
done_testing();
