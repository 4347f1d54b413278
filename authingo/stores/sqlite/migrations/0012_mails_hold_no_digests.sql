-- oldest program: 1

-- Each try to deliver a mail draws a token of its own, so that no mail refers to one. No program that
-- was published used these columns.
ALTER TABLE authingo_mails DROP COLUMN matter;
ALTER TABLE authingo_mails DROP COLUMN token;
