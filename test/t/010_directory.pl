# Users are found by index, whoever asks: no list and no search reads a table whole.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('directory');
$node->init;
$node->append_conf('postgresql.conf', 'fsync = off');
$node->start;

# Two big tenants and many small ones; a fifth of the users restricted, one with a long history.
$node->safe_psql('postgres', q{
	CREATE EXTENSION userlock;
	CREATE ROLE reader;
	GRANT SELECT ON userlock.users, userlock.restricted_users, userlock.user_history, userlock.security_events TO reader;
	GRANT EXECUTE ON FUNCTION userlock.find_users, userlock.count_users TO reader;
	SET search_path = userlock_private;
	INSERT INTO account (tenant, user_id, state, sequence, created_at, changed_at, locked_at, locked_until, lock_sequence)
	SELECT CASE i % 20 WHEN 0 THEN 'small' || i % 1000 WHEN 1 THEN 'other' ELSE 'big' END, md5(i::text),
		CASE WHEN restricted THEN 'locked' ELSE 'active' END::userlock.user_lock_state, 1 + restricted::int,
		at, at, CASE WHEN restricted THEN at END, CASE WHEN restricted THEN now() + interval '1 day' END, CASE WHEN restricted THEN 2 END
	FROM generate_series(1, 60000) AS i, LATERAL (SELECT i % 5 = 2 AS restricted, now() - interval '60000 minutes' + i * interval '1 minute' AS at) AS u;
	INSERT INTO event (tenant, user_id, sequence, kind, to_state, at) SELECT tenant, user_id, 1, 'registered', 'active', created_at FROM account ORDER BY created_at;
	INSERT INTO event (tenant, user_id, sequence, kind, from_state, to_state, at, until)
	SELECT tenant, user_id, 2, 'locked', 'active', 'locked', locked_at, locked_until FROM account WHERE sequence = 2 ORDER BY created_at;
	INSERT INTO account (tenant, user_id, state, sequence, created_at, changed_at) VALUES ('big', 'busy', 'active', 20000, now() - interval '90 days', now());
	INSERT INTO event (tenant, user_id, sequence, kind, from_state, to_state, at)
	SELECT 'big', 'busy', i, 'access_revoked', 'active', 'active', now() - interval '90 days' + i * interval '5 minutes' FROM generate_series(1, 20000) AS i;
	-- Events enough that to read them all is worth avoiding, the last of them today's.
	INSERT INTO event (tenant, user_id, sequence, kind, from_state, to_state, at)
	SELECT 'other', 'busier', i, 'access_revoked', 'active', 'active', now() - interval '300000 minutes' + i * interval '1 minute' FROM generate_series(1, 300000) AS i;
	INSERT INTO account (tenant, user_id, state, sequence, created_at, changed_at) SELECT 'big', i, 'active', 1, now(), now() FROM generate_series(1, 3000) AS i;
	INSERT INTO profile (tenant, user_id, document, user_name, external_id, email, display_name, user_name_lower, email_lower, display_name_lower)
	SELECT tenant, user_id, '{}', name, name, name || '@example.com', name, name, name || '@example.com', name
	FROM account, LATERAL (SELECT reverse(user_id) AS name) AS p WHERE user_id < 'e';
});
$node->safe_psql('postgres', "VACUUM ANALYZE userlock_private.$_") foreach 'account', 'event', 'profile';

my %callers = (
	'a superuser without claims' => '',
	'a reader without claims' => 'SET ROLE reader;',
	'a reader of a big tenant' => q{SET ROLE reader; SET request.jwt.claims = '{"tenant": "big"}';},
	'a reader of several tenants' => q{SET ROLE reader; SET request.jwt.claims = '{"tenant": "small20", "tenants": ["big", "other"]}';});

# What is asked, and the index that answers it.
my @queries = (
	[ q{SELECT * FROM userlock.users WHERE tenant = 'big' ORDER BY user_id LIMIT 100}, 'account_pkey' ],
	[ q{SELECT * FROM userlock.users WHERE tenant = 'big' AND user_id > '8' ORDER BY user_id LIMIT 100}, 'account_pkey' ],
	[ q{SELECT * FROM userlock.users WHERE tenant = 'big' ORDER BY user_id DESC LIMIT 100}, 'account_pkey' ],
	[ q{SELECT * FROM userlock.users WHERE tenant = 'big' AND user_id = 'busy'}, 'account_pkey' ],
	[ q{SELECT * FROM userlock.users WHERE tenant = 'big' AND user_name_lower = lower('ABC')}, 'profile_user_name' ],
	[ q{SELECT * FROM userlock.users WHERE tenant = 'big' AND external_id = 'abc'}, 'profile_external_id' ],
	[ q{SELECT * FROM userlock.users WHERE tenant = 'big' AND email_lower = 'abc'}, 'profile_email' ],
	[ q{SELECT * FROM userlock.users WHERE tenant = 'big' AND display_name_lower = 'abc'}, 'profile_display_name' ],
	[ q{SELECT * FROM userlock.users WHERE tenant = 'big' AND user_name_lower ^@ 'a' ORDER BY user_name_lower LIMIT 20}, 'profile_user_name' ],
	[ q{SELECT * FROM userlock.users WHERE tenant = 'big' AND user_name_lower >= 'ab' AND user_name_lower < 'ac' ORDER BY user_name_lower LIMIT 20}, 'profile_user_name' ],
	[ q{SELECT * FROM userlock.users WHERE tenant = 'big' AND email_lower ^@ 'ab' ORDER BY email_lower LIMIT 20}, 'profile_email' ],
	[ q{SELECT * FROM userlock.restricted_users WHERE tenant = 'big' ORDER BY user_id LIMIT 50}, 'account_restricted' ],
	[ q{SELECT * FROM userlock.restricted_users WHERE tenant = 'big' ORDER BY locked_at LIMIT 50}, 'account_locked' ],
	[ q{SELECT * FROM userlock.restricted_users WHERE tenant = 'big' ORDER BY locked_at DESC LIMIT 50}, 'account_locked' ],
	[ q{SELECT * FROM userlock.restricted_users WHERE tenant = 'big' AND locked_at < now() - interval '10 days' ORDER BY locked_at DESC LIMIT 50}, 'account_locked' ],
	[ q{SELECT * FROM userlock.restricted_users WHERE tenant = 'big' AND blocked_at IS NOT NULL ORDER BY blocked_at DESC LIMIT 50}, 'account_blocked' ],
	[ q{SELECT * FROM userlock.user_history WHERE tenant = 'big' AND user_id = 'busy' ORDER BY sequence DESC LIMIT 20}, 'event_pkey' ],
	[ q{SELECT * FROM userlock.security_events WHERE at > now() - interval '1 hour'}, 'event_at' ]);

foreach my $caller (sort keys %callers)
{
	foreach (@queries)
	{
		my ($query, $index) = @$_;
		my $plan = $node->safe_psql('postgres', "$callers{$caller} EXPLAIN $query");
		like($plan, qr/\b$index\b/, "$caller: $query: by $index");
		unlike($plan, qr/Seq Scan|^ *->  Sort\b.*\n.*Sort Key: (?!expiry)/m, "$caller: $query: reads no table whole and sorts none");
	}
}

# What users are called there is no choice of the reader's, not even in a session
# whose library is yet to be loaded.
my $formats = q{SELECT string_agg(DISTINCT token #>> '{sub_id,format}', ' ') FROM userlock.security_events WHERE tenant = 'big'};
is($node->safe_psql('postgres', "SET ROLE reader; $formats"), 'email opaque', 'without an issuer users are known by their addresses');
is($node->safe_psql('postgres', "SET ROLE reader; SET userlock.issuer = 'https://mallory.example.com'; $formats"), 'email opaque', '… whatever issuer the reader sets');
$node->safe_psql('postgres', q{ALTER ROLE reader LOGIN; ALTER ROLE reader SET userlock.issuer = 'https://id.example.com'});
is($node->safe_psql('postgres', $formats, extra_params => [ '--username', 'reader' ]), 'iss_sub', 'with an issuer no address is shown');
is($node->safe_psql('postgres', "SET userlock.issuer = ''; $formats", extra_params => [ '--username', 'reader' ]), 'iss_sub', '… whatever the reader sets');
$node->safe_psql('postgres', 'ALTER ROLE reader RESET ALL');

# Who names no tenant but has claims is read by index as well.
foreach my $query (
	q{SELECT * FROM userlock.users WHERE user_id = 'busy'},
	q{SELECT * FROM userlock.users WHERE email_lower = 'abc'},
	q{SELECT * FROM userlock.restricted_users ORDER BY user_id LIMIT 50},
	q{SELECT count(*) FROM userlock.users},
	q{SELECT * FROM userlock.user_history WHERE user_id = 'busy' ORDER BY sequence DESC LIMIT 20})
{
	my $plan = $node->safe_psql('postgres', qq{SET ROLE reader; SET request.jwt.claims = '{"tenant": "small20"}'; EXPLAIN $query});
	unlike($plan, qr/Seq Scan/, "a reader of a small tenant who does not name it: $query");
}

# A plan that is kept serves whoever comes next.
my $kept = q{
	SET plan_cache_mode = force_generic_plan;
	SET request.jwt.claims = '%s';
	PREPARE every AS SELECT count(*) FROM userlock.users;
	EXECUTE every;
	SET request.jwt.claims = '%s';
	EXECUTE every;
};
my ($all, $big, $small) = map { $node->safe_psql('postgres', "SELECT count(*) FROM userlock_private.account WHERE $_") } 'true', q{tenant = 'big'}, q{tenant = 'small20'};
my ($claims_big, $claims_small) = ('{"tenant": "big"}', '{"tenant": "small20"}');
foreach ([ $claims_small, $claims_big, $small, $big ], [ $claims_small, '', $small, $all ], [ '', $claims_small, $all, $small ], [ $claims_big, $claims_small, $big, $small ])
{
	my ($first, $second, @expected) = @$_;
	is($node->safe_psql('postgres', sprintf($kept, $first, $second)), join("\n", @expected), "a plan made with claims '$first' serves claims '$second'");
}

# The same for what find_users() asks, by the filter.
sub plan_of
{
	my ($filter, $order) = @_;
	my $found = $node->safe_psql('postgres', "SELECT userlock_private.found_users('$filter', 'big')");
	return $node->safe_psql('postgres', "EXPLAIN SELECT user_id FROM $found ORDER BY $order LIMIT 100");
}
foreach (
	[ '{}', 'account_pkey' ],
	[ '{"user_id": {"after": "8"}}', 'account_pkey' ],
	[ '{"user_id": ["busy", "x"]}', 'account_pkey' ],
	[ '{"user_name": "ABC"}', 'profile_user_name' ],
	[ '{"user_name": {"equals": "ABC", "case_sensitive": true}}', 'profile_user_name' ],
	[ '{"user_name": ["a", "b"]}', 'profile_user_name' ],
	[ '{"user_name": {"prefix": "abc"}}', 'profile_user_name' ],
	[ '{"email": {"prefix": "abc"}}', 'profile_email' ],
	[ '{"external_id": "abc"}', 'profile_external_id' ],
	[ '{"display_name": "abc"}', 'profile_display_name' ],
	[ '{"state": "locked"}', 'account_(restricted|locked|blocked)' ],
	[ '{"state": ["locked", "locked+blocked"], "user_name": {"contains": "abc"}}', 'account_(restricted|locked|blocked)' ],
	[ '{"not": {"state": "active"}}', 'account_pkey' ],
	[ '{"user_name": {"contains": "abc"}}', '(account|profile)_pkey' ],
	[ '{"or": [{"user_name": "abc"}, {"user_name": null, "user_id": "abc"}]}', 'profile_user_name' ],
	[ '{"or": [{"email": "abc"}, {"external_id": "abc"}, {"or": [{"display_name": "abc"}]}], "state": "active"}', 'profile_email' ])
{
	my ($filter, $index) = @$_;
	my $plan = plan_of($filter, 'user_id');
	like($plan, qr/\b$index\b/, "$filter: by an index");
	unlike($plan, qr/Seq Scan/, "$filter: reads no table whole");
}

# The same for pages, also the last first.
foreach (
	[ "userlock_private.found_users('{}', 'big')", 'user_id', 'account_pkey' ],
	[ "userlock_private.found_users('{}', 'big') || ' AND locked_at IS NOT NULL AND written_state OPERATOR(userlock.<>) ''active'''", 'locked_at', 'account_locked' ])
{
	my ($users, $order, $index) = @$_;
	my $page = $node->safe_psql('postgres', "SELECT page FROM userlock_private.page_of($users, '$order', true, 20, 0)");
	my $plan = $node->safe_psql('postgres', "EXPLAIN SELECT * FROM $page");
	like($plan, qr/Index Scan Backward using $index\b/, "the last by $order: by an index");
	unlike($plan, qr/->  Sort/, "the last by $order: sorts no more than ties");
}

my $numbers = plan_of('{"integer_id": true}', 'userlock_private.integer_id(user_id), user_id');
like($numbers, qr/\baccount_integer_id\b/, 'ids that are numbers come in their order from an index');
unlike($numbers, qr/Seq Scan/, 'and no table is read whole for them');

# A tenant that the planner has not heard of yet: no account is compared with every profile.
$node->safe_psql('postgres', q{
	INSERT INTO userlock_private.account (tenant, user_id, state, sequence, created_at, changed_at) SELECT 'new', 'n' || i, 'active', 1, now(), now() FROM generate_series(1, 20000) AS i;
	INSERT INTO userlock_private.profile (tenant, user_id, document) SELECT 'new', 'n' || i, '{}' FROM generate_series(1, 20000) AS i});
is($node->safe_psql('postgres', qq{SET statement_timeout = '10s';
	SELECT count(*) FROM userlock.find_users(order_by => 'created_at', skip => 19990, tenant => 'new');
	SET request.jwt.claims = '{"tenant": "new"}'; SET ROLE reader;
	SELECT count(*), userlock.count_users() FROM userlock.find_users(skip => 19990)}), "10\n10|20000", 'a new tenant is listed at once');

# An "or" of filters that each find everybody takes no more memory than one of them:
# what the process has had at most grows by less than a byte for each that is found.
my $everybody = join ', ', ('{"user_id": {"prefix": ""}}') x 99;
my ($before, $found, $after) = split /\n/, $node->safe_psql('postgres', qq{
	SELECT count(*) FROM userlock.find_users(tenant => 'new') \\g /dev/null
	SELECT substring(pg_read_file('/proc/self/status') FROM 'VmPeak:\\s+(\\d+) kB');
	SELECT count(*) FROM userlock.find_users('{"or": [$everybody]}', tenant => 'new');
	SELECT substring(pg_read_file('/proc/self/status') FROM 'VmPeak:\\s+(\\d+) kB')});
is($found, 100, 'many alternatives, each of everybody');
cmp_ok($after - $before, '<', 20000, '… and their memory is bounded (kB)');

# Page after page by the last id: everybody once, while others come, go and are locked.
my $missing = $node->safe_psql('postgres', q{
	CREATE TEMPORARY TABLE seen (user_id text);
	DO $$
	DECLARE
		last text := '';
		page text[];
	BEGIN
		FOR i IN 1 .. 100 LOOP
			page := ARRAY(SELECT f.user_id FROM userlock.find_users(jsonb_build_object('user_id', jsonb_build_object('after', last)), page_size => 100, tenant => 'other') AS f);
			EXIT WHEN page = '{}';
			INSERT INTO seen SELECT unnest(page);
			last := page[cardinality(page)];
			PERFORM userlock.register_user(md5('new' || i), 'other'), userlock.lock_user(page[1], tenant => 'other', idempotent => true);
		END LOOP;
	END $$;
	SELECT (SELECT count(*) FROM (SELECT user_id FROM userlock_private.account WHERE tenant = 'other' AND created_at < now() - interval '1 minute'
		EXCEPT SELECT user_id FROM seen) AS missing), count(*) - count(DISTINCT user_id) FROM seen});
is($missing, '0|0', 'pages by the last id have nobody twice and miss nobody');

$node->stop;
done_testing();
