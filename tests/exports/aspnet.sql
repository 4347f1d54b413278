-- The columns of ASP.NET Core Identity's table that matter, and a user of it.
CREATE TABLE "AspNetUsers" (
    "Id" text PRIMARY KEY, "UserName" varchar(256), "NormalizedEmail" varchar(256),
    "Email" varchar(256), "EmailConfirmed" boolean NOT NULL, "PasswordHash" text,
    "LockoutEnd" timestamptz, "LockoutEnabled" boolean NOT NULL
);
INSERT INTO "AspNetUsers" VALUES
    ('1', 'ada', 'ADA@EXAMPLE.COM', 'ada@example.com', true,
     'AQAAAAEAACcQAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw==',
     NULL, true);
