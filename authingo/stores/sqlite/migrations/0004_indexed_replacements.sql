-- oldest program: 1

-- A question for each index: asked about four columns at once, SQLite read the whole
-- table for every new session once ANALYZE had told it that most of them have no
-- previous token.
DROP TRIGGER authingo_sessions_replaced;
CREATE TRIGGER authingo_sessions_replaced BEFORE INSERT ON authingo_sessions
WHEN EXISTS (SELECT 1 FROM authingo_sessions WHERE id = NEW.id)
  OR EXISTS (SELECT 1 FROM authingo_sessions WHERE token_digest = NEW.token_digest)
  OR EXISTS (SELECT 1 FROM authingo_sessions WHERE selector_digest = NEW.selector_digest)
  OR EXISTS (SELECT 1 FROM authingo_sessions
             WHERE previous_token_digest = NEW.previous_token_digest)
BEGIN
    UPDATE authingo_epoch SET epoch = randomblob(16);
END;
