-- Who has accepted an invitation of whom. The rows go with the user.
CREATE TABLE authingo_invitations_guests (
    user_id text COLLATE "C" NOT NULL REFERENCES authingo_users (id) ON DELETE CASCADE,
    name    text NOT NULL
);

CREATE INDEX authingo_invitations_guests_user_id ON authingo_invitations_guests (user_id);
