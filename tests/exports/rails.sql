-- The table of Rails' own authentication, and a user of it.
CREATE TABLE users (
    id bigserial PRIMARY KEY, email_address varchar NOT NULL, password_digest varchar NOT NULL,
    created_at timestamp(6) NOT NULL, updated_at timestamp(6) NOT NULL
);
INSERT INTO users (email_address, password_digest, created_at, updated_at) VALUES
    ('ada@example.com', '{bcrypt}', '2024-01-02 03:04:05.678901', '2024-01-02 03:04:05.678901');
