"""Hashes that other systems wrote, with their passwords."""

from __future__ import annotations

import csv
from pathlib import Path

EXPORTS = Path(__file__).parent / "exports"
PASSWORD = "correct horse battery"
UNUSUAL = "pa\u0301ssword \U0001f511 \ufb01ve"  # what NFKC changes


def column(file: str, key: str, value: str) -> dict[str, str]:
    with (EXPORTS / file).open(encoding="utf-8", newline="") as rows:
        return {row[key].lower(): row[value] for row in csv.DictReader(rows)}


# What Django 5.2, Better Auth 1.7 and fastapi-users wrote into their own tables.
DJANGO = column("django.csv", "username", "password")
BETTER_AUTH = column("better-auth.csv", "email", "password")
FASTAPI_USERS = column("fastapi-users.csv", "email", "hashed_password")

REAL = {
    "django pbkdf2": (DJANGO["ada"], PASSWORD),
    "django scrypt": (DJANGO["grace"], PASSWORD),
    "django argon2": (DJANGO["radia"], PASSWORD),
    "django bcrypt_sha256": (DJANGO["barbara"], PASSWORD),
    "django bcrypt": (DJANGO["frances"], PASSWORD),
    "better auth": (BETTER_AUTH["ada@example.com"], PASSWORD),
    "better auth, normalized": (BETTER_AUTH["grace@example.com"], UNUSUAL),
    "fastapi-users argon2": (FASTAPI_USERS["ada@example.com"], PASSWORD),
    # Written by passlib 1.7.4, Werkzeug 3.1.9 and Django 5.2 with few rounds.
    "passlib pbkdf2, SHA-1": (
        "$pbkdf2$1000$K0WodU4JgXCu1XrP.d97bw$lOedP6kSq7AG7eZb5EJcmnuVpFw",
        PASSWORD,
    ),
    "passlib pbkdf2, SHA-256": (
        "$pbkdf2-sha256$1000$1zpnDEEopfRe6z0n5LzXeg$MkEmOg66HW15Jd2i2mO.T6zqt4D0sGM64xOYJy3QO1g",
        PASSWORD,
    ),
    "passlib pbkdf2, SHA-256, not normalized": (
        "$pbkdf2-sha256$100$xJgzZmzNec85R6gVIoTQug$ektoCHysLSa3Q6o7YJCDFqmfp.x3EI7ZHzKzxxsms6E",
        UNUSUAL,
    ),
    "passlib pbkdf2, SHA-512": (
        "$pbkdf2-sha512$1000$nxOi9P5fa82Zk3KOMaYU4g"
        "$fUjOONoZA79wD7wkbEgrBr41goFXjFw0c4zU//rBugJ3JpuvZs1l7DzX1vFFrQ4DT4QtYg2jMVXrSSssWIS7aQ",
        PASSWORD,
    ),
    "passlib scrypt": (
        "$scrypt$ln=10,r=8,p=1$4dxbCyEkpHROCSEEQGiN8Q$JkszuTpI0XxvTI/qiLWBJspQxFoEJQoyyeQH2U62NU4",
        PASSWORD,
    ),
    "passlib phpass": ("$P$6n1xIQEiGooS/JbL8m1HEB.UDcixk60", PASSWORD),
    "werkzeug scrypt": (
        "scrypt:1024:8:1$d00dpAVC4kvNsdJt$5fe0664ce21a04cc5f85c6bd5445a2ac446420c73ef5c35904ccd3f3"
        "e409c79a2573038cf540b89240babdc689673e397fe908a41f5974d34c5618a06f02f944",
        PASSWORD,
    ),
    "werkzeug scrypt, default": (
        "scrypt:32768:8:1$1a1dJqJMFlTq9DwD$6b1bfc70676afcb99a8f0f9b207133ab603a63ceb788b5866000e6ee"
        "0ff539e983b7b877b58dd25adf31e30ff386adff7c63d897f39ef536f11d7a23b9333e42",
        PASSWORD,
    ),
    "werkzeug pbkdf2, SHA-1": (
        "pbkdf2:sha1:1000$Pcmt3JvetHRta2rF$bd66863f6c8e4ebf28a02f17da08fa8ee2155021",
        PASSWORD,
    ),
    "werkzeug pbkdf2, SHA-256": (
        "pbkdf2:sha256:1000$zC7f4uBZ6PMsyw6v"
        "$10a5747c14231a93d7afb952cb9885fce380beec96119a20b53702904988fd05",
        PASSWORD,
    ),
    "werkzeug pbkdf2, SHA-512": (
        "pbkdf2:sha512:1000$tH7STzCe42WdHsZN$5441d35e3f6b1e56ef55fdab268f85cfbe4c2ac2cf83bb6add5600"
        "f00f13bda9d8028fadac50edb12691757f7d54fe3d3da30e343124bd70dfbddcfb17902c67",
        PASSWORD,
    ),
    "django pbkdf2_sha1": (
        "pbkdf2_sha1$1000$VRqeziilDZ0R0D1JNBTm0e$lyKoZEdQf7ZfpkHVsqyRsnpq+/4=",
        PASSWORD,
    ),
    # Published by passlib's documentation, by phpass's test, and by whoever pins WordPress 6.8.
    "phpass, published": ("$P$8ohUJ.1sdFw09/bMaAQPTGDNi2BIUt1", "password"),
    "phpass of openwall": ("$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", "test12345"),
    "wordpress 6.8": ("$wp$2y$10$Q1xinFjrZeLWJBvxviIL6u834Fu.evIEFHAUVisQ5O.w9Dm0sMdES", "admin"),
    # The example of github.com/firebase/scrypt, and one of the tests of Supabase's auth.
    "firebase": (
        "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjL"
        "NmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw=="
        "$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
        "user1password",
    ),
    "firebase in supabase": (
        "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=ou9tdYTGyYm8kuR6Dt0Bp0kDuAYoXrK16mbZO4yGwAn3oLspjnN0"
        "/c41v8xZnO1n14J3MjKj1b2g6AUCAlFwMw==$C0sHCg9ek77hsg=="
        "$zKVTMvnWVw5BBOZNUdnsalx4c4c7y/w7IS5p6Ut2+CfEFFlz37J9huyQfov4iizN8dbjvEJlM5tQaJP84+hfTw==",
        "mytestpassword",
    ),
    # From the tests of ASP.NET Core.
    **{
        f"aspnet {version}": ("$aspnet-identity$" + structure, "my password")
        for version, structure in {
            "2": "ANXrDknc7fGPpigibZXXZFMX4aoqz44JveK6jQuwY3eH/UyPhvr5xTPeGYEckLxz9A==",
            "3, SHA-1": "AQAAAAAAAAD6AAAAEAhftMyfTJylOlZT+eEotFXd1elee8ih5WsjXaR3PA9M",
            "3, SHA-256": "AQAAAAEAACcQAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFI"
            "EtP+JIuUEw==",
            "3, SHA-512, short": "AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw",
            "3, SHA-512": "AQAAAAIAAAD6AAAAIJbVi5wbMR+htSfFp8fTw8N8GOS/Sje+S/4YZcgBfU7EQuqv4OkVYmc4"
            "VJl9AGZzmRTxSkP7LtVi9IWyUxX8IAAfZ8v+ZfhjCcudtC1YERSqE1OEdXLW9VukPuJWBBjLuw==",
        }.items()
    },
    # From PocketBase's own source.
    "pocketbase": ("$2a$10$.5Elh8fgxypNUWhpUUr/xOa2sZm0VIaE0qWuGGl9otUfobb46T1Pq", "123456"),
}
