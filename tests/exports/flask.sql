-- A table of somebody's own, with a hash of Werkzeug 3.1.
CREATE TABLE users (id bigserial PRIMARY KEY, email varchar NOT NULL, password varchar NOT NULL);
INSERT INTO users (email, password) VALUES ('ada@example.com', 'scrypt:1024:8:1$d00dpAVC4kvNsdJt$5fe0664ce21a04cc5f85c6bd5445a2ac446420c73ef5c35904ccd3f3e409c79a2573038cf540b89240babdc689673e397fe908a41f5974d34c5618a06f02f944');
