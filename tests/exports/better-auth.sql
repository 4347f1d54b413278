-- What Better Auth 1.7.25 with its admin plugin made of an empty PostgreSQL, and four people.
CREATE TABLE "user" (
    id text PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE,
    "emailVerified" boolean NOT NULL, image text,
    "createdAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    role text, banned boolean, "banReason" text, "banExpires" timestamptz
);
CREATE TABLE account (
    id text PRIMARY KEY, "accountId" text NOT NULL, "providerId" text NOT NULL,
    "userId" text NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    "accessToken" text, "refreshToken" text, "idToken" text,
    "accessTokenExpiresAt" timestamptz, "refreshTokenExpiresAt" timestamptz,
    scope text, password text,
    "createdAt" timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" timestamptz NOT NULL
);
INSERT INTO "user" VALUES
    ('0vMLBGgetxlnbYcKUbYrWW7gRCygPC18', 'Grace "Amazing", Hopper', 'grace@example.com', false,
     NULL, '2026-11-25 02:41:26.918000+00:00', '2026-11-25 02:41:26.918000+00:00', 'user',
     false, NULL, NULL);
INSERT INTO "user" VALUES
    ('R3LDyzMIodb39or7d7sVyRyvbi9p0vel', 'Ada Lovelace', 'ada@example.com', true,
     NULL, '2026-11-25 02:41:26.835000+00:00', '2026-11-25 02:41:27+00:00', 'user',
     false, NULL, NULL);
INSERT INTO "user" VALUES
    ('8PcA8HwijwNLw6vIJpviQDvYhgyURz1f', 'Joan Clarke', 'joan@example.com', false,
     NULL, '2026-11-25 02:41:26.993000+00:00', '2026-11-25 02:41:27.003000+00:00', 'user',
     true, 'spam', NULL);
INSERT INTO "user" VALUES
    ('jnyhjZORvoHuz7jEwhyeQkFQVro3vrSv', 'Mary Shaw', 'mary@example.com', true,
     NULL, '2026-11-25 02:41:27.003000+00:00', '2026-11-25 02:41:27.003000+00:00', 'user',
     false, NULL, NULL);
INSERT INTO account VALUES
    ('DmTibVoooda4SKPgYGz44tooBjTZZ9DP', 'R3LDyzMIodb39or7d7sVyRyvbi9p0vel', 'credential', 'R3LDyzMIodb39or7d7sVyRyvbi9p0vel',
     NULL, NULL, NULL, NULL,
     NULL, NULL, '65d4b7c9bd6efbc21aed40919707cbc5:6f9602832feb07cad4ba2ca705c695b4276650a84ddb5fe17e20fee1f05186dcde30106e5276db8fc8ed96296d0f5293cca48a8a1dfc17a1f4b468fe51b369b8', '2026-11-25 02:41:26.840000+00:00',
     '2026-11-25 02:41:26.840000+00:00');
INSERT INTO account VALUES
    ('kYULkluvHjN8rS7pNiUCkgIRp8GgoGXj', '0vMLBGgetxlnbYcKUbYrWW7gRCygPC18', 'credential', '0vMLBGgetxlnbYcKUbYrWW7gRCygPC18',
     NULL, NULL, NULL, NULL,
     NULL, NULL, 'dcd880530e28015d2ac11bd5ba6a17b3:f9d570a78e1cdf48aff282cd8b9ba7d8d556e8c6f9035e78fde3e7962043baadc54cf01cb602cb4cc3d5017c283acc08c41e51b82157f7869ea468e15d65ed59', '2026-11-25 02:41:26.920000+00:00',
     '2026-11-25 02:41:26.920000+00:00');
INSERT INTO account VALUES
    ('5a7n1tdyyAlzCltUnsKELII1GjLiuVkx', '8PcA8HwijwNLw6vIJpviQDvYhgyURz1f', 'credential', '8PcA8HwijwNLw6vIJpviQDvYhgyURz1f',
     NULL, NULL, NULL, NULL,
     NULL, NULL, '5575b09d3fa010dc5369b6eae6fa48c1:321157c1c928fe3ad7d04d7366f873610bcee470740c59c18b0129ea107b3d1a603077bd91295a1a7c8658489879bf9fc99b7b34535cd6cff2ac1150055815c7', '2026-11-25 02:41:26.994000+00:00',
     '2026-11-25 02:41:26.994000+00:00');
INSERT INTO account VALUES
    ('dyWMScJMEGmTK0ZPnrHeri1v3a02Sdxt', '42', 'github', 'jnyhjZORvoHuz7jEwhyeQkFQVro3vrSv',
     'gho_x', NULL, NULL, NULL,
     NULL, NULL, NULL, '2026-11-25 02:41:27.004000+00:00',
     '2026-11-25 02:41:27.004000+00:00');
