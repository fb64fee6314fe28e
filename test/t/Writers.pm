# Sessions that write whatever there is to write, and note what the server has
# acknowledged: of a statement its result, of a transaction its COMMIT.  However they
# are cut off, what was acknowledged must be there, once, and history be sound.
package Writers;

use strict;
use warnings;
use Faults;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $shared = 12;		# users whom all sessions fight for
my $own = 20;			# users of each session, whom set-based calls change together
my $logins = 3;			# users whose logins fail, and nothing else

# The node has the extension.
sub new
{
	my ($class, $node, $count) = @_;
	$node->safe_psql('postgres', qq{
		SELECT userlock.set_lockout_policy(attempts => 5, duration => '200 milliseconds');
		SELECT count(userlock.register_user('shared' || i)) FROM generate_series(1, $shared) AS i;
		SELECT count(userlock.register_user('own' || w || '-' || i)) FROM generate_series(1, $count) AS w, generate_series(1, $own) AS i;
		SELECT count(userlock.register_user('login' || i)) FROM generate_series(1, $logins) AS i;
		CREATE TABLE person (id text PRIMARY KEY);
		SELECT userlock.adopt('person', 'id');
	});
	return bless {
		count => $count,
		round => 0,
		events => {},		# acknowledged: "user sequence" -> reason
		reasons => {},		# acknowledged: reason -> how many events
		whole => {},		# reason -> how many events it has, if it has any
		some => {},			# reason -> how many events it has at most, if more than one
		failures => {},		# acknowledged: user -> how many failed logins
		lost => [],
		in_doubt => 0,		# statements that may have been done or not
		expired => 0,		# acknowledged by expire()
		errors => {}
	}, $class;
}

# One thing to do, which says on a line what came of it.
sub statement
{
	my ($self, $writer, $tag) = @_;
	my $event = "SELECT 'event', '$tag', user_id, sequence FROM userlock";
	my $user = 'shared' . (1 + int rand $shared);
	my $until = rand() < 0.5 ? q{, until => clock_timestamp() + random() * interval '100 milliseconds'} : '';
	my $own_users = "ARRAY(SELECT 'own$writer-' || i FROM generate_series(1, $own) AS i ORDER BY random())";
	my $shared_users = "ARRAY(SELECT 'shared' || i FROM generate_series(1, $shared) AS i ORDER BY random() LIMIT 5)";
	my $of_set = qq{SELECT 'event', '$tag', user_id, (status).sequence FROM userlock};
	my $transition = (qw(lock unlock block unblock))[rand 4];
	$until = '' if $transition =~ /^un/;

	my $what = int rand 100;
	return "$event.${transition}_user('$user', '$tag'$until);" if $what < 40;
	return qq{SELECT 'event', '$tag', user_id, (status).sequence FROM userlock.try_transition('$transition', '$user', '$tag'$until) WHERE outcome = 'changed';} if $what < 45;
	return "$event.revoke_access('$user', '$tag');" if $what < 48;
	return qq{SELECT 'event', '', user_id, sequence FROM userlock.register_user('$user');} if $what < 52;
	return "$event.delete_user('$user', '$tag');" if $what < 54;
	if ($what < 60)
	{
		$self->{whole}{$tag} = $own;
		return "$of_set.${transition}_users($own_users, '$tag') WHERE outcome = 'changed';";
	}
	if ($what < 65)
	{
		$self->{some}{$tag} = 5;
		return "$of_set.${transition}_users($shared_users, '$tag'$until) WHERE outcome = 'changed';";
	}
	return sprintf(q{SELECT 'failure', user_id FROM (VALUES ('login%d')) AS u (user_id), userlock.record_login_failure(user_id);}, 1 + rand $logins) if $what < 75;
	return q{SELECT 'expired', userlock.expire();} if $what < 80;
	return qq{INSERT INTO person VALUES ('$tag') RETURNING 'event', '', id, 1;} if $what < 90;
	return q{DELETE FROM person WHERE id = (SELECT id FROM person LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING 'event', '', id, 2;} if $what < 93;
	return qq{BEGIN;\nINSERT INTO person VALUES ('$tag') RETURNING 'event', '', id, 1;\n$event.${transition}_user('$user', '$tag'$until);\nCOMMIT;};
}

# Starts the sessions: so many statements each.
sub start
{
	my ($self, $node, $statements) = @_;
	my $directory = PostgreSQL::Test::Utils::tempdir();
	my $round = ++$self->{round};
	foreach my $writer (1 .. $self->{count})
	{
		my $file = "$directory/$writer";
		open(my $script, '>', "$file.sql") or die $!;
		print $script "\\set VERBOSITY sqlstate\nSET application_name = writer;\n";
		print $script $self->statement($writer, "$round.$writer.$_"), "\n" foreach 1 .. $statements;
		close $script;
		push @{ $self->{running} }, [ $file, IPC::Run::start(
			[ 'psql', '--no-psqlrc', '--no-align', '--tuples-only', '--field-separator= ', "--file=$file.sql", $node->connstr('postgres') ],
			'<', \undef, '>', "$file.out", '2>', "$file.err", Faults::timeout()) ];
	}
}

# Waits until they have ended; returns how many were cut off.
sub finish
{
	my ($self) = @_;
	my $cut_off = 0;
	foreach my $running (@{ delete $self->{running} })
	{
		my ($file, $session) = @$running;
		$session->finish;
		$cut_off++ if $session->result == 2;
		$self->read_acknowledged(slurp_file("$file.out"));
		$self->{errors}{$_}++ foreach slurp_file("$file.err") =~ /ERROR:  (\w+)/g;
	}
	$self->{in_doubt} += $cut_off;
	return $cut_off;
}

# Cuts them off by ending their sessions.
sub stop
{
	my ($self, $node) = @_;
	$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'writer'});
	return $self->finish;
}

sub read_acknowledged
{
	my ($self, $output) = @_;
	my $transaction;
	foreach my $line (split /\n/, $output)
	{
		if ($line =~ /^event (\S*) (\S+) (\d+)$/)
		{
			push @{ $transaction // ($self->{noted} = []) }, [ $1, $2, $3 ];
			$self->note_events($self->{noted}) unless $transaction;
		}
		elsif ($line eq 'BEGIN') { $transaction = []; }
		elsif ($line eq 'ROLLBACK') { undef $transaction; }
		elsif ($line eq 'COMMIT')
		{
			$self->note_events($transaction);
			undef $transaction;
		}
		elsif ($line =~ /^failure (\S+)$/) { $self->{failures}{$1}++; }
		elsif ($line =~ /^expired (\d+)$/) { $self->{expired} += $1; }
		elsif ($line !~ /^(SET|(INSERT 0|DELETE) \d+)$/) { die "unexpected output: $line"; }
	}
}

sub note_events
{
	my ($self, $events) = @_;
	foreach my $event (@$events)
	{
		my ($reason, $user, $sequence) = @$event;
		# What was acknowledged is lost if its number is given again.
		push @{ $self->{lost} }, "$user $sequence" if exists $self->{events}{"$user $sequence"};
		$self->{events}{"$user $sequence"} = $reason;
		$self->{reasons}{$reason}++ if $reason ne '';
	}
}

# What errors there were but refusals, and what follows from another in the same
# transaction: SQLSTATE -> how many, since last asked.
sub errors
{
	my ($self) = @_;
	my $errors = $self->{errors};
	$self->{errors} = {};
	delete $errors->{$_} foreach grep { /^PT|^25P02$/ } keys %$errors;
	return $errors;
}

# The node, in whatever way it came to life, against what was acknowledged.
sub check
{
	my ($self, $node, $when) = @_;
	my (%found, %reasons);
	foreach my $row (split /\n/, $node->safe_psql('postgres', q{SELECT concat_ws(' ', user_id, sequence, reason) FROM userlock_private.event}))
	{
		my ($user, $sequence, $reason) = split / /, $row;
		$found{"$user $sequence"} = $reason // '';
		$reasons{$reason}++ if defined $reason;
	}
	my @lost = (@{ $self->{lost} }, grep { !exists $found{$_} || $found{$_} ne $self->{events}{$_} } sort keys %{ $self->{events} });
	my @twice = grep { $reasons{$_} > ($self->{reasons}{$_} // $self->{whole}{$_} // $self->{some}{$_} // 1) } grep { /^\d/ } sort keys %reasons;
	my @half = grep { exists $reasons{$_} && $reasons{$_} != $self->{whole}{$_} } sort keys %{ $self->{whole} };
	note(sprintf('%s: %d acknowledged events of %d', $when, scalar keys %{ $self->{events} }, scalar keys %found));

	is("@lost[0 .. ($#lost < 9 ? $#lost : 9)]", '', "$when: every acknowledged event is there");
	is("@twice", '', "$when: … and once");
	is("@half", '', "$when: a set-based call is there as a whole or not at all");
	Faults::is_sound($node, $when);
	is( $node->safe_psql('postgres', q{
			SELECT * FROM (SELECT id FROM person EXCEPT SELECT user_id FROM userlock_private.account) AS not_registered
			UNION ALL (SELECT user_id FROM userlock_private.account WHERE adoption IS NOT NULL EXCEPT SELECT id FROM person)}),
		'', "$when: who has a row in the adopted table is registered, and nobody else from there");

	my $failures = { map { split / / } split /\n/, $node->safe_psql('postgres', q{SELECT user_id || ' ' || failures FROM userlock_private.login_failure}) };
	my @miscounted = grep { my $more = ($failures->{$_} // 0) - $self->{failures}{$_}; $more < 0 || $more > $self->{in_doubt} } sort keys %{ $self->{failures} };
	is("@miscounted", '', "$when: every acknowledged failure is counted, and once");
	cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM userlock_private.event WHERE kind IN ('lock_expired', 'block_expired')}),
		'>=', $self->{expired}, "$when: what expire() has written is there");
}

1;
