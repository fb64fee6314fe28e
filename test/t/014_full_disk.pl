# The disk of the data is full, then that of the write-ahead log: errors are clean,
# nothing is half done, and once there is room the server goes on.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Faults;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use Writers;

my $node = PostgreSQL::Test::Cluster->new('full_disk');
my $wal = $node->basedir . '/wal';
$node->init(extra => [ '--wal-segsize=1', "--waldir=$wal" ]);
$node->append_conf('postgresql.conf', "restart_after_crash = on\nmin_wal_size = 2MB\nmax_wal_size = 16MB");
Faults::start_preloaded($node);
$node->safe_psql('postgres', 'CREATE EXTENSION userlock');
my $writers = Writers->new($node, 5);
$node->safe_psql('postgres', q{
	SELECT count(userlock.register_user('many' || i)) FROM generate_series(1, 5000) AS i;
	SELECT userlock.register_user('alice');
	SELECT userlock.lock_user('alice')});

# The SQLSTATE that a statement ends with, run with little memory, so that it needs
# room for temporary files.
sub try
{
	my ($statement) = @_;
	my ($result, $stdout, $stderr) = $node->psql('postgres', "\\set VERBOSITY sqlstate\nSET work_mem = '64kB';\n$statement");
	return $stderr =~ /ERROR:  (\w+)/ ? $1 : "none: $stdout$stderr";
}

my $end = time + Faults::seconds(0);
for (my $round = 1; $round <= 1 || time < $end; $round++)
{
	my $when = "round $round, no room for data";
	my $many = q{userlock.lock_users(ARRAY(SELECT 'many' || i FROM generate_series(1, 5000) AS i), 'all')};
	$writers->start($node, 20_000);
	sleep(0.3);
	Faults::tell(full => $node->data_dir);
	sleep(0.8);
	is(try("SELECT count(*) FROM $many"), '53100', "$when: a set-based call says so");
	is(try('SELECT * FROM userlock.verify()'), '53100', "$when: so does a query that needs room");
	is( try(q{SET request.jwt.claims = '{"sub":"alice","iat":9999999999}'; SELECT userlock.check_request()}),
		'PT403', "$when: whoever is locked is refused");
	is($writers->stop($node), 5, "$when: the server went on");
	my $errors = $writers->errors;
	cmp_ok(delete $errors->{53100} // 0, '>', 0, "$when: writers were told");
	is_deeply($errors, {}, "$when: … and nothing else");

	Faults::tell('full');
	$writers->check($node, $when);
	is($node->safe_psql('postgres', q{SELECT count(*) FROM userlock_private.event WHERE reason = 'all'}), '0', "$when: the set-based call did nothing");
	$writers->start($node, 30);
	$writers->finish;
	is_deeply($writers->errors, {}, "$when: once there is room, everything works");

	$when = "round $round, no room for the log";
	$writers->start($node, 20_000);
	sleep(0.3);
	Faults::tell(full => $wal);
	is($writers->finish, 5, "$when: the server stopped");
	is_deeply($writers->errors, {}, "$when: no error before");
	like(slurp_file($node->logfile), qr/PANIC:  .*No space left on device/, "$when: … and said why");
	Faults::tell('full');
	# It may have come up again, or given up meanwhile.
	my $postmaster = -e $node->data_dir . '/postmaster.pid' && Faults::postmaster($node);
	Faults::await(sub { ($node->psql('postgres', 'SELECT'))[0] == 0 || !$postmaster || !kill 0, $postmaster });
	if (!$postmaster || !kill 0, $postmaster)
	{
		$node->kill9;
		Faults::start_preloaded($node);
	}
	$writers->check($node, $when);
}

$node->stop;
done_testing();
