# Numbers are exact at any moment, whatever runs while they are refreshed; and to read
# them takes no scan of users or of history.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = PostgreSQL::Test::Cluster->new('numbers');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nmax_prepared_transactions = 1");
$node->start;

# What the view says and counting everything does not, and the other way round.  Ends
# are at full seconds here; between two of them both judge by the same.
$node->safe_psql('postgres', q{
	CREATE EXTENSION userlock;
	CREATE VIEW difference AS
		WITH now AS (SELECT metric, tenant, label, value FROM userlock.statistics WHERE metric IN ('users', 'events') AND value <> 0),
			counted AS (
				SELECT 'users', tenant, label, value FROM userlock_private.count_users(clock_timestamp()) WHERE value <> 0
				UNION ALL SELECT 'events', tenant, label, value FROM userlock_private.count_events())
		(TABLE now EXCEPT TABLE counted) UNION ALL (TABLE counted EXCEPT TABLE now);
	CREATE FUNCTION differences() RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		began timestamptz;
		found text;
	BEGIN
		FOR i IN 1 .. 30 LOOP
			PERFORM pg_sleep(1.1 - extract(epoch FROM clock_timestamp())::numeric % 1);
			began := clock_timestamp();
			SELECT coalesce(string_agg(d::text, ' '), '') INTO found FROM difference AS d;
			IF date_trunc('second', began) = date_trunc('second', clock_timestamp()) THEN RETURN found; END IF;
		END LOOP;
		RETURN 'too slow to tell';
	END $$;
	-- Does something to a user, in a subtransaction of its own, whether it can be done or not.
	CREATE FUNCTION attempt(what integer, n integer) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		id text := 'u' || n;
		of_tenant text := 't' || n % 3;
		ends timestamptz := date_trunc('second', clock_timestamp()) + (2 + n % 5) * interval '1 second';
	BEGIN
		CASE what
			WHEN 1 THEN PERFORM userlock.lock_user(id, tenant => of_tenant);
			WHEN 2, 3 THEN PERFORM userlock.lock_user(id, until => ends, tenant => of_tenant);
			WHEN 4 THEN PERFORM userlock.unlock_user(id, tenant => of_tenant);
			WHEN 5 THEN PERFORM userlock.block_user(id, until => ends, tenant => of_tenant);
			WHEN 6 THEN PERFORM userlock.unblock_user(id, tenant => of_tenant);
			WHEN 7 THEN PERFORM userlock.delete_user(id, tenant => of_tenant);
			WHEN 8 THEN PERFORM userlock.revoke_access(id, tenant => of_tenant);
			WHEN 9 THEN PERFORM userlock.expire();
			ELSE PERFORM userlock.register_user(id, of_tenant);
		END CASE;
	EXCEPTION WHEN OTHERS THEN
	END $$;
	SELECT attempt(0, n) FROM generate_series(1, 300) AS n;
});

# Short transactions, and some of several seconds; what is undone counts for nothing.
my $scripts = PostgreSQL::Test::Utils::tempdir();
append_to_file("$scripts/short.sql", q{
\set what random(0, 12)
\set n random(1, 300)
SELECT attempt(:what, :n);
});
append_to_file("$scripts/long.sql", q{
\set what random(0, 12)
\set n random(301, 400)
\set milliseconds random(1, 14000)
BEGIN;
SELECT attempt(0, :n);
SAVEPOINT one;
SELECT attempt(1, :n);
RELEASE one;
\sleep :milliseconds ms
SAVEPOINT two;
SELECT attempt(:what, :n);
\if :n < 350
ROLLBACK TO two;
\endif
COMMIT;
});
my $seconds = 32;
my $writers = IPC::Run::start([ 'pgbench', '--no-vacuum', '--client=10', '--rate=100', "--time=$seconds",
		'--file', "$scripts/short.sql\@20", '--file', "$scripts/long.sql\@1", '--host', $node->host, '--port', $node->port, 'postgres' ],
	'>', \my $stdout, '2>', \my $stderr);
my ($end, $checks, @wrong) = (time + $seconds - 3, 0);
while (time < $end)
{
	$node->safe_psql('postgres', 'SELECT userlock.refresh_statistics()') if $checks % 3 == 0;
	my $wrong = $node->safe_psql('postgres', 'SELECT differences()');
	push @wrong, $wrong if $wrong ne '';
	$checks++;
}
$writers->finish or die $stderr;
cmp_ok($checks, '>=', 5, 'numbers were asked for while others write and refresh');
is_deeply(\@wrong, [], '… and were always what counting everything comes to');
is($node->safe_psql('postgres', 'SELECT userlock.refresh_statistics(); SELECT differences()'), "\n", '… and are in the end');
cmp_ok($node->safe_psql('postgres', q{SELECT sum(value) FROM userlock_private.tally WHERE metric = 'events'}), '>', 300, '… although much of what they did is stored');
is($node->safe_psql('postgres', 'SELECT count(*) FROM userlock.verify()'), '0', 'verify() finds nothing');

# Of a prepared transaction nobody knows when it began.
$node->safe_psql('postgres', q{BEGIN; SELECT attempt(0, 500), attempt(1, 500); SELECT pg_sleep(11); PREPARE TRANSACTION 'later'});
$node->safe_psql('postgres', 'SELECT userlock.refresh_statistics()');
is($node->safe_psql('postgres', 'SELECT differences()'), '', 'a prepared transaction is not counted');
$node->safe_psql('postgres', q{COMMIT PREPARED 'later'});
is($node->safe_psql('postgres', 'SELECT differences()'), '', '… but once it is committed');
$node->safe_psql('postgres', 'SELECT userlock.refresh_statistics()');
is($node->safe_psql('postgres', 'SELECT differences()'), '', '… and refreshed');

# What a transaction has seen of others before, it asks again.
$node->safe_psql('postgres', q{
	BEGIN;
	SELECT count(*) FROM pg_stat_activity;
	SELECT pg_sleep(1);
	SELECT userlock.refresh_statistics();
	COMMIT});
cmp_ok($node->safe_psql('postgres', 'SELECT max(clock_timestamp() - counted_from) < interval \'1 minute\' FROM userlock_private.counting'), 'eq', 't', 'the events that are read again are those of seconds');

# Many users, of whom many have an end that has passed and that nobody has written; and
# a long history.
$node->safe_psql('postgres', q{
	CREATE ROLE reader;
	GRANT SELECT ON userlock.statistics TO reader;
	SET search_path = userlock_private;
	TRUNCATE account, event, tally, counting;
	INSERT INTO account (tenant, user_id, state, sequence, created_at, changed_at, locked_at, locked_until, lock_sequence)
	SELECT CASE i % 20 WHEN 0 THEN 'small' || i % 1000 ELSE 'big' END, i, CASE WHEN restricted THEN 'locked' ELSE 'active' END::userlock.user_lock_state, 1 + restricted::int,
		at, at, CASE WHEN restricted THEN at END, CASE WHEN restricted THEN at + interval '1 day' END, CASE WHEN restricted THEN 2 END
	FROM generate_series(1, 100000) AS i, LATERAL (SELECT i % 5 = 2 AS restricted, now() - interval '200000 minutes' + i * interval '1 minute' AS at) AS u;
	INSERT INTO event (tenant, user_id, sequence, kind, to_state, at) SELECT tenant, user_id, 1, 'registered', 'active', created_at FROM account ORDER BY created_at;
	INSERT INTO event (tenant, user_id, sequence, kind, from_state, to_state, at, until)
	SELECT tenant, user_id, 2, 'locked', 'active', 'locked', locked_at, locked_until FROM account WHERE sequence = 2 ORDER BY created_at;
	INSERT INTO event (tenant, user_id, sequence, kind, from_state, to_state, at)
	SELECT 'big', 'busy', i, 'access_revoked', 'active', 'active', now() - interval '300001 minutes' + i * interval '1 minute' FROM generate_series(1, 300000) AS i;
});
$node->safe_psql('postgres', "VACUUM ANALYZE userlock_private.$_") foreach 'account', 'event';
my $numbers = q{SELECT tenant, metric, label, value FROM userlock.statistics WHERE metric <> 'counted_at' AND value <> 0 ORDER BY 1, 2, 3};
my $counted = $node->safe_psql('postgres', $numbers);
$node->safe_psql('postgres', 'SELECT userlock.refresh_statistics()');
is($node->safe_psql('postgres', $numbers), $counted, 'what is stored is what was counted');

my %callers = (
	'a superuser' => '',
	'a reader' => 'SET ROLE reader;',
	'a reader of a big tenant' => q{SET ROLE reader; SET request.jwt.claims = '{"tenant": "big"}';},
	'a reader of a small tenant' => q{SET ROLE reader; SET request.jwt.claims = '{"tenant": "small20"}';});
# The plan of the view and of what it calls, as they were carried out.
my $explain = q{
	LOAD 'auto_explain';
	SET auto_explain.log_min_duration = 0;
	SET auto_explain.log_analyze = on;
	SET auto_explain.log_nested_statements = on;
	SET client_min_messages = log;
};
foreach my $caller (sort keys %callers)
{
	foreach ('', q{ WHERE metric = 'users'}, q{ WHERE metric = 'events'})
	{
		my (undef, undef, $plans) = $node->psql('postgres', "$explain $callers{$caller} SELECT * FROM userlock.statistics$_");
		like($plans, qr/Bitmap Index Scan on event_at .*\(actual/, "$caller: statistics$_: the latest events come from an index");
		unlike($plans, qr/Seq Scan on (account|event|login_failure)/, "$caller: … neither users nor history are read whole");
		unlike($plans, qr/Function Scan on count_(users|events|failed_logins) .*\(actual/, "$caller: … nothing is counted anew");
		unlike($plans, qr/JIT/, "$caller: … nor compiled");
		my ($most) = sort { $b <=> $a } $plans =~ /Scan .*actual time=\S+ rows=(\d+)/g;
		cmp_ok($most, '<', 2000, "$caller: … and little is read");
	}
}

$node->stop;
done_testing();
