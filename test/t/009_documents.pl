# The SQL of the README and of docs/ in a database that has nothing set, every
# statement the first of its session: no setting is known yet, no library loaded.
# So are the calls of all functions there are.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('documents');
$node->init;
$node->start;

my $readme = slurp_file('README.md');
my $citus = slurp_file('docs/citus.md');
my $documents = join "\n", $readme, map { slurp_file($_) } 'CONTRIBUTING.md', sort glob 'docs/*.md';

# Examples write files.
chdir PostgreSQL::Test::Utils::tempdir or die $!;

# The statements of an example.
sub statements
{
	my ($example) = @_;
	my ($open, @found) = ('');
	foreach my $line (split /\n/, $example)
	{
		$open .= "$line\n";
		next unless $line =~ /;\s*(--.*)?$/ && (() = $open =~ /\$\$/g) % 2 == 0;
		push @found, $open;
		$open = '';
	}
	is($open, '', 'an example ends with its last statement') if $open =~ /\S/;
	return @found;
}

# Runs statements, each in a session of its own.
sub runs
{
	my ($database, @statements) = @_;
	foreach my $statement (@statements)
	{
		my ($result, undef, $stderr) = $node->psql($database, $statement);
		my ($name) = $statement =~ /(.*)/;
		is($result, 0, "runs: $name") or diag($stderr);
	}
	return;
}

my ($transcript, @examples) = $documents =~ /^ *```sql\n(.*?)^ *```/smg;

# Pasted into a fresh database, the transcript prints what its comments show.
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
my ($printed, $shown);
IPC::Run::run(
	[ 'psql', '--no-psqlrc', '--quiet', '--pset=footer=off', '--dbname', $node->connstr('fresh') ],
	'<' => \$transcript, '&>' => \$printed);
$shown = join "\n", $transcript =~ /^-- (.*)/mg;
foreach ($printed, $shown)
{
	s/ +$//mg;
	s/\n+/\n/g;
	s/\n$//;
}
is($printed, $shown, 'the transcript of the README is what psql prints');

# As "Install it" says.
$node->safe_psql('postgres', 'CREATE DATABASE app TEMPLATE template0 ENCODING UTF8');
my ($install) = $readme =~ /\n## Install it\n.*?```sh\n(.*?)```/s;
my @commands = $install =~ /^psql -d app -c '(.*)'/mg;
is(@commands, 3, 'three commands install it into a database');
runs('app', "$_;\n") foreach @commands;
runs('app', "SELECT state = 'active' FROM register_user('alice');\n");

# What takes it out again comes last; what takes a slot is 008_decoding's.
my ($uninstall) = grep { /^ *DROP EXTENSION userlock;/m } @examples;
@examples = grep { $_ ne $uninstall && !/pg_logical_slot/ } @examples;

$node->safe_psql('postgres', 'CREATE DATABASE bare TEMPLATE template0 ENCODING UTF8');
$node->safe_psql('bare', q{
	CREATE EXTENSION userlock;
	CREATE EXTENSION userlock_http;
	CREATE ROLE anon;
	CREATE ROLE app;
	CREATE ROLE authenticator;
	CREATE TABLE account_holder (id text PRIMARY KEY, login text, email text);
	INSERT INTO account_holder VALUES ('4711');
	CREATE TABLE note (owner text, body text);
});
cmp_ok(scalar @examples, '>=', 10, 'there are examples');
runs('bare', map { statements($_) } @examples);
# And what stands between the lines: calls without anything left out.
runs('bare', map { "$_;\n" } $documents =~ /`(SELECT userlock\.[^`…]*)`/g);

# What is for Citus is run by tools/test citus alone.  But all tables are there, each as
# its key is, and what compares the nodes is a query.
my %placed = (distributed => 'tenant', reference => '');
foreach my $kind (sort keys %placed)
{
	is( join(' ', sort $citus =~ /^SELECT create_${kind}_table\('userlock_private\.(\w+)'/mg),
		$node->safe_psql('bare', qq{
			SELECT string_agg(c.relname, ' ' ORDER BY c.relname COLLATE "C")
			FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
			WHERE i.indisprimary AND NOT c.relispartition AND c.relnamespace = 'userlock_private'::regnamespace
			AND CASE a.attname WHEN 'tenant' THEN 'tenant' ELSE '' END = '$placed{$kind}'}),
		"for Citus these become $kind tables");
}
runs('bare', map { "$_;\n" } $citus =~ /run_command_on_all_nodes\(\$\$(.*?)\$\$\)/s);

is( $node->safe_psql('bare', 'SELECT state FROM userlock_private.account WHERE user_id = $$4711$$'),
	'locked', 'the user of an adopted table is locked');
like(slurp_file('history.csv'), qr/^default,4711,2,locked,active,locked,.*,phished,,,,$/m, 'history was saved to a file');

# Functions are shown in tables with the arguments that they have, in order, as far as
# nothing is left out.
my @signatures = map { /`((?:userlock_http\.)?[a-z_]+\([a-z_, ]*\))`/g } $documents =~ /^\|([^|]*)\|/mg;
cmp_ok(scalar @signatures, '>=', 25, 'functions are shown with their arguments');
foreach my $signature (@signatures)
{
	my ($schema, $name, $arguments) = $signature =~ /^(?:(\w+)\.)?(\w+)\((.*)\)/;
	$schema //= 'userlock';
	is( $node->safe_psql('bare', qq{
			SELECT count(*) > 0 FROM pg_proc
			WHERE pronamespace = '$schema'::regnamespace AND proname = '$name'
			AND (proargnames IS NULL OR concat(', ', array_to_string(proargnames[1:pronargs], ', ')) = ', $arguments')}),
		't', "$signature is a function with these arguments");
}

# Logins are counted from the first statement of a session on.
foreach my $try (1 .. 2)
{
	$node->safe_psql('bare', q{SELECT login('zoe', 'wrong')});
}
is( $node->safe_psql('bare', 'SELECT tenant, user_id, failures FROM userlock_private.login_failure'),
	'default|zoe|2', 'the login function counts each failure');
is( $node->psql('bare', q{SELECT login('zoe', 'correct horse')}), 0,
	'… and lets in');
is( $node->safe_psql('bare', 'SELECT count(*) FROM userlock_private.login_failure'),
	'0', '… which ends the counting');

# In a tenant of the database's own it counts there.
$node->safe_psql('bare', q{ALTER DATABASE bare SET userlock.tenant = 'acme'});
$node->safe_psql('bare', q{SELECT login('zoe', 'wrong')});
is( $node->safe_psql('bare', 'SELECT tenant FROM userlock_private.login_failure'),
	'acme', 'the login function counts in the tenant of the database');
$node->safe_psql('bare', 'ALTER DATABASE bare RESET ALL');

# Whatever else comes of such calls, none misses what a session has not set, nor
# takes the server down.
my @functions = split /\n/, $node->safe_psql(
	'bare', q{
	SELECT format('SELECT %s(%s)', p.oid::regproc,
		(SELECT string_agg(format('NULL::%s', format_type(type, NULL)), ', ') FROM unnest(p.proargtypes) AS type))
	FROM pg_proc AS p
	JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid
	WHERE e.extname LIKE 'userlock%' AND p.prokind = 'f'
	AND p.prorettype NOT IN ('trigger'::regtype, 'internal'::regtype)
	ORDER BY 1
});
cmp_ok(scalar @functions, '>', 50, 'there are functions');
foreach my $call (@functions)
{
	my (undef, undef, $stderr) = $node->psql('bare', $call);
	unlike($stderr, qr/unrecognized configuration parameter|server closed the connection/, "first of its session: $call");
}

# And out it goes.
runs('bare', statements($uninstall));
is( $node->safe_psql('bare', q{SELECT count(*) FROM pg_extension WHERE extname LIKE 'userlock%'}),
	'0', 'userlock is gone');

$node->stop;
done_testing();
