-- What docs/operating.md says of taking userlock out again.
BEGIN;
SELECT plan(9);
CREATE ROLE uninstall_app;
GRANT EXECUTE ON FUNCTION userlock.current_user_allowed TO uninstall_app;
SELECT userlock.register_user('alice'), userlock.lock_user('alice');

-- Of one table a policy that lets in asks, of the other one that keeps out.
CREATE TABLE public.asked_by_permissive (owner text);
CREATE TABLE public.asked_by_restrictive (owner text);
INSERT INTO public.asked_by_permissive VALUES ('alice');
INSERT INTO public.asked_by_restrictive VALUES ('alice');
ALTER TABLE public.asked_by_permissive ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.asked_by_restrictive ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON public.asked_by_permissive USING (owner = 'alice' AND (SELECT userlock.current_user_allowed()));
CREATE POLICY own ON public.asked_by_restrictive USING (owner = 'alice');
CREATE POLICY only_allowed ON public.asked_by_restrictive AS RESTRICTIVE USING ((SELECT userlock.current_user_allowed()));
GRANT SELECT ON public.asked_by_permissive, public.asked_by_restrictive TO uninstall_app;
CREATE TABLE public.account_holder (id text PRIMARY KEY);
SELECT userlock.adopt('public.account_holder', 'id');

SET LOCAL request.jwt.claims = '{"sub": "alice", "iat": 1}';
SET LOCAL ROLE uninstall_app;
SELECT is_empty('TABLE public.asked_by_permissive', 'a locked user sees nothing where the policy that lets in asks');
SELECT is_empty('TABLE public.asked_by_restrictive', '… nor where the one that keeps out does');
RESET ROLE;

SELECT throws_ok('DROP EXTENSION userlock', '2BP01', NULL, 'the extension is not dropped while anything stands on it');

SAVEPOINT before;
DROP EXTENSION userlock CASCADE;
SET LOCAL ROLE uninstall_app;
SELECT is_empty('TABLE public.asked_by_permissive', 'dropped with CASCADE: where the policy that lets in asked, nobody comes in');
SELECT isnt_empty('TABLE public.asked_by_restrictive', '… where the one that keeps out asked, the locked user does');
RESET ROLE;
SELECT has_table('public', 'account_holder', '… the adopted table stays');
ROLLBACK TO before;

DROP POLICY own ON public.asked_by_permissive;
DROP POLICY only_allowed ON public.asked_by_restrictive;
SELECT throws_like('DROP EXTENSION userlock', '%other objects depend on it', 'adopted tables are released first');
SELECT userlock.release('public.account_holder');
SELECT lives_ok('DROP EXTENSION userlock', 'with nothing on it, it goes without CASCADE');
SELECT lives_ok($$INSERT INTO public.account_holder VALUES ('bob')$$, '… and the released table is an ordinary one');
SELECT * FROM finish();
ROLLBACK;
