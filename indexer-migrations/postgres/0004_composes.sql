-- What stands behind a hash.
--
-- The sister file in ../postgres says the same in the other database's words; the two change together.

-- The bytes of app-compose.json whose SHA-256 somebody allowed or announced on a chain. Anybody may hand them in: the hash
-- says that they are the right ones. received_at: by our own clock, in seconds.
CREATE TABLE composes (
    hash        BYTEA PRIMARY KEY,
    bytes       BYTEA NOT NULL,
    received_at BIGINT NOT NULL
);
