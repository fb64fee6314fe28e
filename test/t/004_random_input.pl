# Random and hostile input of the type, and random transitions held against a
# model of the rules.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{USERLOCK_SEED} // int(rand(2**31));
srand($seed);
note "seed $seed: set USERLOCK_SEED to repeat";

my $node = PostgreSQL::Test::Cluster->new('random');
$node->init;
$node->start;
$node->safe_psql('postgres', q{CREATE EXTENSION userlock; CREATE TABLE person (state userlock.user_lock_state)});

# Text: only the four names are states.
my @alphabet = ('a' .. 'z', '+', ' ', 'L');
my @words = map { join '', map { $alphabet[ rand @alphabet ] } 1 .. 1 + rand 15 } 1 .. 300;
foreach my $name ('active', 'locked', 'blocked', 'locked+blocked')
{
	# One letter off.
	push @words, map { my $word = $name; substr($word, rand length $word, 1) = $alphabet[ rand @alphabet ]; $word } 1 .. 50;
}
my %state = map { $_ => 1 } 'active', 'locked', 'blocked', 'locked+blocked';
my $wanted = join ',', map { $state{$_} ? 't' : 'f' } @words;
is( $node->safe_psql(
		'postgres', q{
	CREATE FUNCTION accepts(word text) RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN
		RETURN word::userlock.user_lock_state::text = word;
	EXCEPTION WHEN invalid_text_representation THEN
		RETURN false;
	END $$;
	SELECT string_agg(accepts(word)::text::"char"::text, ',' ORDER BY n) FROM unnest(ARRAY['} . join("','", @words) . q{']) WITH ORDINALITY AS w(word, n)}),
	$wanted, 'text: random words are accepted if and only if they name a state');

# Binary: of the 256 bytes the first four, and of lengths only one byte.
my $file = PostgreSQL::Test::Utils::tempdir() . '/person.bin';

sub copy_binary
{
	my ($field) = @_;
	open my $handle, '>:raw', $file or die $!;
	print $handle "PGCOPY\n\377\r\n\0", pack('NN', 0, 0), pack('nN', 1, length $field), $field, pack('n', 0xffff);
	close $handle;
	my ($result, $stdout, $stderr) = $node->psql('postgres', "COPY person FROM '$file' (FORMAT binary)");
	return $result == 0 ? 'accepted' : $stderr;
}

my @accepted = grep { copy_binary(chr $_) eq 'accepted' } 0 .. 255;
is("@accepted", '0 1 2 3', 'binary: the 252 other bytes are refused');
like(copy_binary(chr 4), qr/invalid binary value for type user_lock_state: 4/, 'binary: with a clear error');
like(copy_binary(''), qr/no data left in message|insufficient data/, 'binary: an empty field is refused');
like(copy_binary("\1\1"), qr/incorrect binary data format/, 'binary: a field of two bytes is refused');
is( $node->safe_psql('postgres', 'SELECT string_agg(state::text, $$ $$ ORDER BY state) FROM person'),
	'active locked blocked locked+blocked', 'binary: the four bytes are the four states');

# A long random walk over the functions agrees with the rules, step by step.
my @verbs = ('lock', 'unlock', 'block', 'unblock');
my %bit = (lock => 1, unlock => 1, block => 2, unblock => 2);
my ($bits, $sequence, @script, @expected) = (0, 1);
foreach my $step (1 .. 1000)
{
	my $verb = $verbs[ rand 4 ];
	my $restricts = $verb !~ /^un/;
	my $changes = $restricts != (($bits & $bit{$verb}) != 0);
	if ($changes)
	{
		$bits ^= $bit{$verb};
		$sequence++;
	}
	push @script, "SELECT sqlstate, (status).state, (status).sequence FROM userlock.try_transition('$verb', 'alice');";
	push @expected, join '|', ($changes ? '00000' : 'PT400'), (('active', 'locked', 'blocked', 'locked+blocked')[$bits]), $sequence;
}
is( $node->safe_psql('postgres', "DO \$\$ BEGIN PERFORM userlock.register_user('alice'); END \$\$;\n" . join "\n", @script),
	join("\n", @expected), 'a thousand random transitions do what the rules say');

# A random walk in which restrictions end by themselves all the time.
$node->safe_psql(
	'postgres', q{
	SELECT setseed(} . ($seed / 2**31) . q{);
	DO $$
	DECLARE
		name text;
		verb text;
	BEGIN
		FOR i IN 1..2000 LOOP
			name := 'user' || floor(random() * 20);
			verb := (ARRAY['lock', 'unlock', 'block', 'unblock', 'revoke', 'delete', 'register', 'expire'])[1 + floor(random() * 7.2)];
			BEGIN
				CASE verb
					WHEN 'register' THEN PERFORM userlock.register_user(name);
					WHEN 'delete' THEN PERFORM userlock.delete_user(name);
					WHEN 'revoke' THEN PERFORM userlock.revoke_access(name);
					WHEN 'expire' THEN PERFORM userlock.expire();
					WHEN 'lock', 'block' THEN PERFORM userlock.try_transition(verb, name,
						until => clock_timestamp() + random() * interval '3 milliseconds');
					ELSE PERFORM userlock.try_transition(verb, name);
				END CASE;
			EXCEPTION WHEN SQLSTATE 'PT404' OR SQLSTATE 'PT409' THEN
				NULL;
			END;
		END LOOP;
	END $$;
});
is($node->safe_psql('postgres', 'SELECT count(*) FROM userlock.verify()'), '0', 'a random walk with expiries: accounts agree with their history');
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM userlock_private.event WHERE kind LIKE '%_expired'}), '>', 20, '… of which many ended by themselves');
is( $node->safe_psql(
		'postgres', q{
	SELECT count(*) FROM (
		SELECT from_state::text IS DISTINCT FROM lag(to_state::text) OVER w AS torn, at < lag(at) OVER w AS late,
			sequence <> row_number() OVER w AS gap
		FROM userlock.user_history WINDOW w AS (PARTITION BY tenant, user_id ORDER BY sequence)) AS h
	WHERE torn OR late OR gap}),
	'0', 'a random walk with expiries: the history shown has no gap, no tear and no step back');

$node->stop;
done_testing();
