# What can happen to a server, for the tests to do to it; and whether history is sound
# afterwards.
package Faults;

use strict;
use warnings;
use FindBin;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

# How long a test goes on that has no end of its own.
sub seconds
{
	my ($by_default) = @_;
	return $ENV{USERLOCK_FAULT_SECONDS} || $by_default;
}

# How long to wait for what should have come by then.
sub timeout { return IPC::Run::timeout(90 + seconds(0)); }

# Kills the server and all its processes at once, and waits until they are gone.
sub kill_server
{
	my ($node) = @_;
	my $postmaster = postmaster($node);
	my @processes = split /\n/, $node->safe_psql('postgres', 'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
	kill 'STOP', $postmaster;	# lest it starts others
	kill 'KILL', @processes;
	$node->kill9;
	await(sub { !kill 0, $postmaster, @processes });
}

sub postmaster
{
	my ($node) = @_;
	return (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
}

# Waits until it is so, for half a minute at most; returns whether it is.
sub await
{
	my ($is_so) = @_;
	foreach (1 .. 3000)
	{
		return 1 if $is_so->();
		usleep(10_000);
	}
	return 0;
}

# A session that runs statements one after the other, and goes on after errors.
sub begin_session
{
	my ($node, @options) = @_;
	my %session = (in => '', out => '', err => '', timeout => timeout());
	$session{psql} = IPC::Run::start(
		[ 'psql', '--no-psqlrc', '--no-align', '--tuples-only', '--quiet', @options, $node->connstr('postgres') ],
		'<', \$session{in}, '>', \$session{out}, '2>', \$session{err}, $session{timeout});
	return \%session;
}

# Has it run statements, and waits for what they print.
sub run_in
{
	my ($session, $statements) = @_;
	$session->{timeout}->start;
	$session->{out} = '';
	$session->{in} .= "$statements\n\\echo that is all\n";
	$session->{psql}->pump until $session->{out} =~ s/^that is all\n\z//m;
	return $session->{out};
}

# Has it run a statement, and waits for nothing.
sub begin_in
{
	my ($session, $statement) = @_;
	$session->{in} .= "$statement;\n";
	$session->{psql}->pump_nb while length $session->{in};
}

sub end_session
{
	my ($session) = @_;
	eval { $session->{psql}->finish };
}

# Starts the server so that it can be told of a full disk and a wrong clock: see
# preload.c.
my $told;
sub start_preloaded
{
	my ($node) = @_;
	$told = PostgreSQL::Test::Utils::tempdir();
	my $library = "$told/preload.so";
	system_or_bail(split(/ /, $node->config_data('--cc')), '-std=gnu99', '-O2', '-shared', '-fPIC', "$FindBin::RealBin/preload.c", '-o', $library, '-ldl');
	local $ENV{USERLOCK_FAULTS} = $told;
	local $ENV{LD_PRELOAD} = $library;
	$node->start;
}

# Tells it; no value: all is well again.
sub tell
{
	my ($fault, $value) = @_;
	return unlink "$told/$fault" unless defined $value;
	open(my $file, '>', "$told/$fault.new") or die $!;
	print $file $value;
	close $file;
	rename "$told/$fault.new", "$told/$fault" or die $!;
}

sub is_sound
{
	my ($node, $when) = @_;
	is($node->safe_psql('postgres', 'SELECT * FROM userlock.verify()'), '', "$when: verify() finds nothing");
	is( $node->safe_psql('postgres', 'SELECT user_id FROM userlock_private.event GROUP BY tenant, user_id HAVING (min(sequence), max(sequence)) <> (1, count(*))'),
		'', "$when: sequences have no gaps");
}

1;
