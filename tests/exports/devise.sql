-- The table of Devise, and a user of it.
CREATE TABLE users (
    id bigserial PRIMARY KEY, email varchar DEFAULT '' NOT NULL,
    encrypted_password varchar DEFAULT '' NOT NULL, reset_password_token varchar,
    confirmed_at timestamp(6), created_at timestamp(6) NOT NULL, updated_at timestamp(6) NOT NULL
);
INSERT INTO users (email, encrypted_password, confirmed_at, created_at, updated_at) VALUES
    ('ada@example.com', '{bcrypt}', now(), '2024-01-02 03:04:05.678901', now());
