# The clock is set ahead and back, also in the midst of writers: events stay in order,
# restrictions end when the clock says so, and who was sent into the future is brought
# back as docs/operating.md has it.
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

my $node = PostgreSQL::Test::Cluster->new('clock');
$node->init;
Faults::start_preloaded($node);
$node->safe_psql('postgres', 'CREATE EXTENSION userlock');

sub ask { return $node->safe_psql('postgres', $_[0]); }
sub set_clock { Faults::tell(clock => $_[0]); }

# What check_request() says to the owner of a token issued so many seconds ago.
sub check
{
	my ($user, $age) = @_;
	my ($result, $stdout, $stderr) = $node->psql(
		'postgres', qq{
		SELECT set_config('request.jwt.claims', json_build_object('sub', '$user', 'iat', extract(epoch FROM now()) - $age)::text, false) IS NOT NULL;
		SELECT userlock.check_request()});
	return $stderr =~ /ERROR:  (.*)/ ? $1 : 'passes';
}

my $day = 86400;
my $year = 365 * $day;
my $users = q{'{alice,bob,carol,dave,erin}'::text[]};
cmp_ok(abs(ask(q{SELECT extract(epoch FROM clock_timestamp())}) - time), '<', 60, 'the server goes by the clock');
set_clock(-$day);
cmp_ok(abs(ask(q{SELECT extract(epoch FROM clock_timestamp())}) - time + $day), '<', 60, 'the server goes by the clock that the test sets');
ask("SELECT userlock.register_user(n) FROM unnest($users) AS n");

# An end is a matter of the clock alone, until it is written into history.
set_clock(0);
ask(q{SELECT userlock.lock_user('dave', until => clock_timestamp() + interval '1 hour')});
my $status = q{SELECT state, sequence FROM userlock.user_status('dave')};
is(ask($status), 'locked|2', 'before its end a lock holds');
set_clock(2 * 3600);
is(ask($status), 'active|3', 'after its end it does not');
is(check('dave', 0), 'passes', 'nor does it keep out');
set_clock(0);
is(ask($status), 'locked|2', 'set back, the clock says that it holds again');
is(check('dave', 0), 'user "dave" is locked', 'and it keeps out');
set_clock(2 * 3600);
is(ask(q{SELECT userlock.expire()}), '1', 'expire() writes the end down');
set_clock(0);
is(ask($status), 'active|3', 'what is written stays');
Faults::is_sound($node, 'an end written down ahead');
ask(q{SELECT userlock.lock_user('dave', until => clock_timestamp() + interval '1 hour')});
is(ask($status), 'locked|4', 'a user who is ahead can be locked');
set_clock(3600 - 60);
is(ask($status), 'locked|4', 'before its end, by the clock, the lock holds');
set_clock(3600 + 60);
is(ask($status), 'active|5', 'after it, by the clock, it does not');
Faults::is_sound($node, 'locked while ahead');

# A year ahead, and back.
set_clock($year);
ask(q{
	SELECT userlock.lock_user('alice');
	SELECT userlock.block_user('bob', until => clock_timestamp() + interval '1 day');
	SELECT userlock.revoke_access('carol');
	SELECT userlock.record_login_failure('erin') FROM generate_series(1, 10)});
is(ask(q{SELECT state FROM userlock.user_status('erin')}), 'locked', 'failed logins lock');
set_clock(0);
Faults::is_sound($node, 'a year ahead, and back');
is(check('alice', 0), 'user "alice" is locked', 'who was locked stays locked');
is(check('carol', 0), 'token is void', 'new tokens are void, until the floor');
ask(q{SELECT userlock.unlock_user('alice')});
is(check('alice', 0), 'token is void', 'who is unlocked has no better ones');
Faults::is_sound($node, 'changed afterwards');

my ($documented) = slurp_file('docs/operating.md') =~ /^## When the clock was wrong\n.*?^```sql\n(.*?)^```\n/ms;
is(() = ask($documented) =~ /^/mg, 5, 'what the document says brings back who was ahead');
is(ask(q{SELECT count(*) FROM userlock_private.account WHERE changed_at > clock_timestamp()}), '0', 'nobody is ahead any more');
Faults::is_sound($node, 'brought back');
is(check('carol', -5), 'passes', 'tokens issued from then on are good');
is(check('carol', 5), 'token is void', 'those from before are not');
is(check('alice', -5), 'passes', 'who was unlocked comes in');
is(check('bob', -5), 'user "bob" is blocked', 'who was blocked stays so');
is(ask(q{SELECT allowed, remaining_attempts FROM userlock.login_verdict('alice')}), 't|10', 'failures are forgotten');
ask(q{SELECT userlock.unlock_user('erin')});
is(ask(q{SELECT allowed, remaining_attempts FROM userlock.login_verdict('erin')}), 't|10', 'an unlock lets sign in again');
set_clock($year + 2 * $day);
is(ask(q{SELECT state FROM userlock.user_status('bob')}), 'active', 'until its end, by the clock');
set_clock(0);

# Writers, while the clock jumps: a little, then a lot.
my $writers = Writers->new($node, 4);
my $when;
foreach my $jump (0.2, 3600, 0.2)
{
	$when = "jumps of up to $jump s";
	$writers->start($node, 8000 * Faults::seconds(4));
	my $end = time + Faults::seconds(4) / 3;
	while (time < $end)
	{
		set_clock((2 * rand() - 1) * $jump);
		sleep(0.01 + rand() * 0.05);
	}
	is($writers->stop($node), 4, "$when: the writers went on");
	is_deeply($writers->errors, {}, "$when: no error");
	$writers->check($node, $when);
	is( ask(q{
			SELECT count(*) FROM (
				SELECT kind, at, lag(at) OVER (PARTITION BY tenant, user_id ORDER BY sequence) AS before FROM userlock_private.event) AS e
			WHERE kind <> 'access_floor_reset' AND (at < before OR at = before AND kind !~ 'expired')}),
		'0', "$when: events are in order");
}
set_clock(0);
ask($documented);
Faults::is_sound($node, 'brought back');

$node->stop;
done_testing();
