# ALTER EXTENSION UPDATE: from each release to this version, with data in it.
#
# USERLOCK_UPGRADE_USERS: how many users there are, each with ten events; 1000 unless set
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $users = $ENV{USERLOCK_UPGRADE_USERS} || 1000;
my @extensions = ('userlock', 'userlock_http');
my $files = -d 'upgrade' ? 'upgrade' : 'test/upgrade';

my $node = PostgreSQL::Test::Cluster->new('update');
$node->init;
$node->start;

# The output of one of the files in test/upgrade.
sub output_of
{
	my ($database, $file, @arguments) = @_;
	my ($output, $complaints) = run_command(
		[ 'psql', '--no-psqlrc', '--quiet', @arguments, "--file=$files/$file.sql", $node->connstr($database) ]);

	is($complaints, '', "$file has nothing to complain about");
	return $output;
}

sub is_same
{
	my ($got, $expected, $promise) = @_;
	my @got = split /\n/, $got;
	my @expected = split /\n/, $expected;
	my $i = 0;

	return ok(1, $promise) if $got eq $expected;
	$i++ while ($i < @got && $i < @expected && $got[$i] eq $expected[$i]);
	is(join("\n", grep { defined } @got[ $i .. $i + 3 ]), join("\n", grep { defined } @expected[ $i .. $i + 3 ]), $promise);
}

$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('fresh', "CREATE EXTENSION $_") foreach @extensions;
# Whoever has privileges here has them in every database.
$node->safe_psql('fresh', 'CREATE ROLE support');
my $members = output_of('fresh', 'members');
$node->safe_psql('fresh', 'DROP ROLE support');

my $functions = q{
	SELECT p.oid::regprocedure FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
	JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
	WHERE d.deptype = 'e' AND e.extname LIKE 'userlock%' ORDER BY 1::text};
my $releases = q{
	SELECT v.version FROM pg_available_extension_versions AS v JOIN pg_available_extensions AS a USING (name)
	WHERE name = 'userlock' AND v.version <> a.default_version ORDER BY string_to_array(v.version, '.')::integer[]};
my @releases = split /\n/, $node->safe_psql('fresh', $releases);
ok(@releases > 0, 'there is a release to come from');

# Which functions have gone, of those there were.
sub functions_of
{
	my ($database, @before) = @_;
	my %now = map { $_ => 1 } split /\n/, $node->safe_psql($database, $functions);
	return join ' ', sort grep { !$now{$_} } @before;
}

foreach my $release (@releases)
{
	$node->safe_psql('postgres', 'CREATE DATABASE app');
	$node->safe_psql('app', "CREATE EXTENSION $_ VERSION '$release'") foreach @extensions;
	output_of('app', 'data', "--set=users=$users");
	my $state = output_of('app', 'state');
	cmp_ok(scalar(split /\n/, $state), '>', 8, "$release: there is something to lose");

	# The files of the server are replaced before its databases.
	is(output_of('app', 'works'), '', "$release: everything works with this version's library, before the update");

	# What is new is for nobody, whatever the installer gives others on what they make.
	my $granted = q{
		SELECT string_agg(object, ' ' ORDER BY object) FROM (
			SELECT p.oid::regprocedure::text FROM pg_proc AS p, aclexplode(p.proacl) AS a WHERE a.grantee = 'support'::regrole
			UNION ALL SELECT c.oid::regclass::text FROM pg_class AS c, aclexplode(c.relacl) AS a WHERE a.grantee = 'support'::regrole
			UNION ALL SELECT t.oid::regtype::text FROM pg_type AS t, aclexplode(t.typacl) AS a WHERE a.grantee = 'support'::regrole
		) AS given (object)};
	my @functions = split /\n/, $node->safe_psql('app', $functions);
	my $granted_before = $node->safe_psql('app', $granted);
	$node->safe_psql('app', "ALTER DEFAULT PRIVILEGES GRANT ALL ON $_ TO support") foreach 'TABLES', 'FUNCTIONS', 'TYPES';
	$node->safe_psql('app', "ALTER EXTENSION $_ UPDATE") foreach @extensions;
	is($node->safe_psql('app', $granted), $granted_before, "$release: nobody has gained a privilege");
	is_same(output_of('app', 'state'), $state, "$release: states, restrictions, history and all else are the same afterwards");
	is(output_of('app', 'works'), '', "$release: and everything works");

	# What the data needs is granted anew.
	$node->safe_psql('app', 'DROP OWNED BY support');
	is_same(output_of('app', 'members'), $members, "$release: what is there is what a new installation has");
	is(functions_of('app', @functions), 'userlock_private.find_problems(text) userlock_private.was_reset(userlock_private.login_failure)',
		"$release: no function has gone that its library asks for, in sessions that are open");

	# As where each node of a cluster runs it, or one that an upgrade has left behind.
	$node->safe_psql('app', "UPDATE pg_extension SET extversion = '$release' WHERE extname LIKE 'userlock%'");
	$node->safe_psql('app', "ALTER EXTENSION $_ UPDATE") foreach @extensions;
	is_same(output_of('app', 'members'), $members, "$release: the update may run twice");
	is($node->safe_psql('app', 'SELECT count(*) FROM userlock.verify()'), '0', "$release: and loses nothing");
	$node->safe_psql('postgres', 'DROP DATABASE app');
	$node->safe_psql('postgres', 'DROP ROLE support');
}

$node->stop;
done_testing();
