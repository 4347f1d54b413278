-- The table that Laravel 12 makes, and a user of it.
CREATE TABLE users (
    id bigserial PRIMARY KEY, name varchar(255) NOT NULL, email varchar(255) NOT NULL UNIQUE,
    email_verified_at timestamp(0), password varchar(255) NOT NULL, remember_token varchar(100),
    created_at timestamp(0), updated_at timestamp(0)
);
INSERT INTO users (name, email, email_verified_at, password, created_at, updated_at) VALUES
    ('Ada', 'ada@example.com', '2024-01-02 03:04:05', '{bcrypt}', '2024-01-02 03:04:05', NULL);
