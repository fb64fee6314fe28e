# Prometheus' exporter tells the numbers of the view, under names that Prometheus likes,
# to a role that may read nothing else; and each alert fires when it must, and only then.
use strict;
use warnings;
use HTTP::Tiny;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

chomp(my $share = `pg_config --sharedir`);
my $files = "$share/userlock/prometheus";

my $node = PostgreSQL::Test::Cluster->new('prometheus');
$node->init;
$node->start;
# As docs/monitoring.md has it.
my ($grants) = slurp_file('docs/monitoring.md') =~ /^```sql\n(CREATE ROLE prometheus .*?)^```/ms;
$node->safe_psql('postgres', 'CREATE EXTENSION userlock');
$node->safe_psql('postgres', $grants);
$node->safe_psql('postgres', q{
	SELECT userlock.register_user('u' || n, tenant) FROM generate_series(1, 5) AS n, unnest(ARRAY['acme', 'say "globex" \\ co']) AS tenant;
	SELECT userlock.lock_user('u1', tenant => 'acme'), userlock.block_user('u1', tenant => 'acme'), userlock.lock_user('u2', tenant => 'acme'), userlock.unlock_user('u2', tenant => 'acme');
	SELECT userlock.record_login_failure('u1', 'acme'), userlock.record_login_failure('u3', 'acme'), userlock.record_login_failure('u3', 'acme');
	SELECT userlock.refresh_statistics(verify => true);
	SELECT userlock.lock_user('u4', tenant => 'acme');
});

my $port = PostgreSQL::Test::Cluster::get_free_port();
local $ENV{DATA_SOURCE_NAME} = sprintf "user=prometheus host='%s' port=%s dbname=postgres", $node->host, $node->port;
my $exporter = IPC::Run::start([ 'prometheus-postgres-exporter', "--web.listen-address=127.0.0.1:$port", '--disable-default-metrics', '--disable-settings-metrics',
		"--extend.query-path=$files/queries.yaml" ], '<', \undef, '>', \my $stdout, '2>', \my $log);
my $answer;
foreach (1 .. 300)
{
	$answer = HTTP::Tiny->new->get("http://127.0.0.1:$port/metrics");
	last if $answer->{success};
	sleep 0.1;
}
my $scraped = join '', map { "$_\n" } grep { /^(# (HELP|TYPE) )?userlock_/ } split /\n/, $answer->{content};
is($answer->{status}, 200, 'the exporter answers');
like($answer->{content}, qr/^pg_exporter_last_scrape_error 0$/m, '… without an error');
is_deeply([ $answer->{content} =~ /^pg_exporter_user_queries_load_error\{.*\} (.*)$/mg ], [0], '… and has read the queries');

# Each with its type; what it means is said of each.
my %types = $scraped =~ /^# TYPE (\S+) (\S+)$/mg;
is_deeply(\%types, {
		userlock_users => 'gauge',
		userlock_events_total => 'counter',
		userlock_failed_logins => 'gauge',
		userlock_refresh_timestamp_seconds => 'gauge',
		userlock_verify_problems => 'gauge',
		userlock_verify_timestamp_seconds => 'gauge' }, 'the metrics and their types');
my %help = $scraped =~ /^# HELP (\S+) (\S.*\.)$/mg;
is_deeply([ sort keys %help ], [ sort keys %types ], 'each has a sentence of help');
my $liked = IPC::Run::run([ 'promtool', 'check', 'metrics' ], '<', \$scraped, '>', \my $lint, '2>&1');
ok($liked, 'promtool has nothing to say against names and help') or diag($lint);

# The same numbers as the view.  The exporter adds a label, server.
my %value;
while ($scraped =~ /^(\w+\{.*\}) (\S+)$/mg)
{
	my ($series, $number) = ($1, $2 + 0);
	$series =~ s/server="[^"]*",//;
	$value{$series} = $number;
}
my %expected = map { /^(.*)\t(.*)$/ } split /\n/, $node->safe_psql('postgres', q{
	SELECT CASE metric
			WHEN 'users' THEN format('userlock_users{state="%s",tenant="%s"}', label, name)
			WHEN 'events' THEN format('userlock_events_total{kind="%s",tenant="%s"}', label, name)
			WHEN 'failed_logins' THEN format('userlock_failed_logins{outcome="%s",tenant="%s"}', label, name)
			WHEN 'counted_at' THEN format('userlock_refresh_timestamp_seconds{tenant="%s"}', name)
			WHEN 'verify_problems' THEN format('userlock_verify_problems{tenant="%s"}', name)
			WHEN 'verified_at' THEN format('userlock_verify_timestamp_seconds{tenant="%s"}', name)
		END || E'\t' || value
	FROM userlock.statistics, LATERAL (SELECT replace(replace(tenant, '\\', '\\\\'), '"', '\\"') AS name) AS escaped});
is_deeply(\%value, \%expected, 'all that the view has, and nothing else');
is($value{'userlock_users{state="locked",tenant="acme"}'}, 1, 'among it, what has happened since the refresh');
is($value{'userlock_events_total{kind="locked",tenant="acme"}'}, 3, '… and all that has happened before');

# Nobody unlocks by way of the exporter, and it sees nobody.
foreach my $forbidden ('TABLE userlock.users', 'TABLE userlock.user_history', q{SELECT userlock.unlock_user('u1', tenant => 'acme')}, 'SELECT userlock.refresh_statistics()')
{
	my (undef, undef, $refusal) = $node->psql('postgres', $forbidden, extra_params => [ '--username', 'prometheus' ]);
	like($refusal, qr/permission denied/, "its role is refused: $forbidden");
}
$exporter->kill_kill;

# The files that Prometheus reads itself.
foreach ([ 'config', 'prometheus.yaml' ], [ 'rules', 'rules.yaml' ])
{
	my ($what, $file) = @$_;
	my $good = IPC::Run::run([ 'promtool', 'check', $what, "$files/$file" ], '>', \my $said, '2>&1');
	ok($good, "promtool check $what $file") or diag($said);
}
my $rules = slurp_file("$files/rules.yaml");
my %used = map { $_ => 1 } $rules =~ /\b(userlock_\w+)\b/g;
is_deeply([ grep { !exists $types{$_} } sort keys %used ], [], 'alerts are about metrics that there are');
my @alerts = $rules =~ /alert: (\w+)/g;
my @documented = slurp_file('docs/monitoring.md') =~ /^\| `(Userlock\w+)` \|/mg;
is_deeply(\@documented, \@alerts, 'each alert is documented');

# Alerts by the minute: series, moment, and which alerts fire.
my @cases = (
	[ 'forty locks in ten minutes, after a quiet day', '1d15m', ['UserlockLockoutBurst'],
		'userlock_events_total{kind="locked",tenant="acme"}' => '0+0x1440 4+4x9 40x10' ],
	[ 'forty locks in ten minutes of the first hour', '30m', ['UserlockLockoutBurst'],
		'userlock_events_total{kind="locked",tenant="acme"}' => '0x15 4+4x9 40x10' ],
	[ 'as many unlocks', '30m', [],
		'userlock_events_total{kind="unlocked",tenant="acme"}' => '0x15 4+4x9 40x10' ],
	[ 'ten locks', '1d15m', [],
		'userlock_events_total{kind="locked",tenant="acme"}' => '0x1440 1+1x9 10x10' ],
	[ 'many locks where there are always many', '1d15m', [],
		'userlock_events_total{kind="locked",tenant="acme"}' => '0+5x1440 7210+10x20' ],
	[ 'many more locks than there always are', '1d15m', ['UserlockLockoutBurst'],
		'userlock_events_total{kind="locked",tenant="acme"}' => '0+5x1440 7250+50x20' ],
	[ 'counts that begin anew with another server', '30m', [],
		'userlock_events_total{kind="locked",tenant="acme"}' => '10x25 10x10' ],
	[ 'a hundred refused logins in twenty minutes, told every five', '40m', ['UserlockRefusedLogins'],
		'userlock_failed_logins{outcome="refused",tenant="acme"}' => '7x15 32x5 57x5 82x5 107x10' ],
	[ 'a hundred failed logins that count', '40m', [],
		'userlock_failed_logins{outcome="counted",tenant="acme"}' => '7x15 32x5 57x5 82x5 107x10' ],
	[ 'twenty refused logins', '40m', [],
		'userlock_failed_logins{outcome="refused",tenant="acme"}' => '7x15 12x5 17x5 22x5 27x10' ],
	[ 'refused users who come in again', '40m', [],
		'userlock_failed_logins{outcome="refused",tenant="acme"}' => '700x25 10x20' ],
	[ 'problems', '10m', ['UserlockVerifyProblems'],
		'userlock_verify_problems{tenant="acme"}' => '0x5 2x10', 'userlock_verify_timestamp_seconds{tenant="acme"}' => '0x20' ],
	[ 'no problems', '10m', [],
		'userlock_verify_problems{tenant="acme"}' => '0x20', 'userlock_verify_timestamp_seconds{tenant="acme"}' => '0x20' ],
	[ 'verify() every day', '4d', [],
		'userlock_users{state="active",tenant="acme"}' => '5x5760', 'userlock_verify_timestamp_seconds{tenant="acme"}' => join(' ', map { (86400 * $_) . 'x1439' } 0 .. 4) ],
	[ 'verify() not for two days', '3d', [],
		'userlock_users{state="active",tenant="acme"}' => '5x5760', 'userlock_verify_timestamp_seconds{tenant="acme"}' => '86400x5760' ],
	[ 'verify() not for more than three days, though a tenant is new', '4d2m', ['UserlockVerifyOverdue'],
		'userlock_users{state="active",tenant="acme"}' => '5x5770', 'userlock_users{state="active",tenant="new"}' => '1x5770',
		'userlock_verify_timestamp_seconds{tenant="acme"}' => '86400x5770' ],
	[ 'verify() never, on the first day', '23h', [],
		'userlock_users{state="active",tenant="acme"}' => '5x5760' ],
	[ 'verify() never', '25h', ['UserlockVerifyOverdue'],
		'userlock_users{state="active",tenant="acme"}' => '5x5760' ],
	[ 'a refresh every five minutes', '3h', [],
		'userlock_refresh_timestamp_seconds{tenant="acme"}' => join(' ', map { (300 * $_) . 'x4' } 0 .. 40) ],
	[ 'no refresh for an hour', '62m', ['UserlockRefreshOverdue'],
		'userlock_refresh_timestamp_seconds{tenant="acme"}' => '60x70' ]);
my $tests = "rule_files: ['$files/rules.yaml']\nevaluation_interval: 1m\ntests:\n";
foreach (@cases)
{
	my ($name, $at, $firing, %series) = @$_;
	$tests .= "  - interval: 1m\n    name: \"$name\"\n    input_series:\n";
	$tests .= "      - series: '" . ($_ =~ s/\{/{instance="db:9187",job="userlock",/r) . "'\n        values: '$series{$_}'\n" foreach sort keys %series;
	$tests .= "    promql_expr_test:\n      - expr: count by (alertname) (ALERTS{alertstate=\"firing\"})\n        eval_time: $at\n        exp_samples:\n";
	$tests .= join('', map { "          - labels: '{alertname=\"$_\"}'\n            value: 1\n" } @$firing) || "          []\n";
}
my $test_file = PostgreSQL::Test::Utils::tempdir() . '/rules_test.yaml';
append_to_file($test_file, $tests);
my $passed = IPC::Run::run([ 'promtool', 'test', 'rules', $test_file ], '>', \my $verdict, '2>&1');
ok($passed, 'each of ' . @cases . ' courses of things has the alerts that it must, and no others') or diag($verdict);

$node->stop;
done_testing();
